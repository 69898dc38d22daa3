cimport cython

from domicile.dns.name cimport fold, offset_of_suffix, read_name


@cython.locals(
    name=bytes, at=Py_ssize_t, fixed=Py_ssize_t, data=Py_ssize_t, length=Py_ssize_t,
    index=Py_ssize_t, hops=Py_ssize_t,
)
cdef _parse_body(
    bytes packet, int ident, int flags, Py_ssize_t authorities, Py_ssize_t additionals
)

@cython.locals(
    at=Py_ssize_t, segment=Py_ssize_t, limit=Py_ssize_t, end=Py_ssize_t,
    room=Py_ssize_t, length=Py_ssize_t, target=Py_ssize_t,
)
cdef tuple _end_of_owner(bytes packet, Py_ssize_t start, Py_ssize_t hops)

cdef int _reply_flags(int flags) except -1

@cython.locals(written=list, count=Py_ssize_t, octets=bytes)
cdef _write_section(query, tuple rrsets, Py_ssize_t room)

@cython.locals(owner=bytes)
cdef bytes _write_rrset(query, rrset)

cdef bytes _write_owner(query, bytes owner)
