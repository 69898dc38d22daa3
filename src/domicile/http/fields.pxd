cimport cython


@cython.locals(name=bytes, sent=list)
cpdef object forward_request(head, asked, client, private=*)

@cython.locals(lines=list, name=bytes, value=bytes)
cdef bytes _write_head(bytes line, list fields)

cdef _read_listed(dict singled)

@cython.locals(address=bytes, scheme=bytes, node=bytes)
cdef list _tell_origin(asked, client)
