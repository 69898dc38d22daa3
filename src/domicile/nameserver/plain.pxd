cimport cython

from domicile.dns.cache cimport Kept, class_of
from domicile.nameserver.hosts cimport Hosts
from domicile.replica.glance cimport Glance


cdef Py_ssize_t _HEADER, _HEAD, _TAIL, _ID, _MOST_ZONES, _LONGEST_LABEL, _LONGEST_NAME
cdef int _DO, _AAAA, _SORTS, _CLASS_IN, _TYPE_A, _TYPE_AAAA, _DOT, _STRANGE, _HOST
cdef int _POINTER, _HEAD_COUNTS
cdef bytes _LEFT, _UNKNOWN, _JOINT, _A_LABEL, _OWNER, _TEXT


cdef class PlainZone:
    cdef readonly bytes suffix
    cdef readonly Py_ssize_t labels
    cdef readonly object left
    cdef readonly Py_ssize_t deepest_left
    cdef readonly bint plain
    cdef readonly bint signed
    cdef public list missing
    cdef readonly dict pieces

    cpdef list pieces_of(self, bytes cluster)


cdef class PlainQuestions:
    cdef Glance _glance
    cdef Hosts _hosts
    cdef Kept _signed
    cdef list _zones
    cdef bytearray _text
    cdef Py_ssize_t _size
    cdef Py_ssize_t _labels
    cdef PlainZone _zone
    cdef bytes _cluster
    cdef bint _wants_signatures
    cdef readonly Py_ssize_t end
    cdef readonly int pointer

    cpdef bytes find(self, bytes packet)

    @cython.locals(question=bytes)
    cpdef bytes compose(self, bytes packet, bytes piece)

    @cython.locals(sort=int, zone=PlainZone, cluster=bytes, pieces=list, piece=bytes)
    cpdef bytes match(self, const unsigned char *octets, Py_ssize_t size)

    @cython.locals(sort=int, end=Py_ssize_t, negative=bint, head=bytes)
    cpdef bint learn(self, bytes packet, bytes reply) except -1

    @cython.locals(
        size=Py_ssize_t, cluster=bytes, text="unsigned char *", place=Py_ssize_t
    )
    cdef bytes _key(self, int sort)

    cdef int _pointer(self) except -1

    @cython.locals(length=Py_ssize_t, kind=int, zone=PlainZone, cluster=bytes)
    cdef int _sorted(self, const unsigned char *octets, Py_ssize_t size) except -2

    @cython.locals(
        text="unsigned char *", at=Py_ssize_t, written=Py_ssize_t, labels=Py_ssize_t,
        length=Py_ssize_t, end=Py_ssize_t, place=Py_ssize_t, octet="unsigned char",
    )
    cdef Py_ssize_t _read(self, const unsigned char *octets, Py_ssize_t size) except -1

    @cython.locals(zone=PlainZone)
    cdef PlainZone _zone_of(self, Py_ssize_t size)

    @cython.locals(size=Py_ssize_t, found=bytes)
    cdef bytes _find(self, PlainZone zone, Py_ssize_t labels)

    @cython.locals(app=bytes, owner=bytes, host=bytes)
    cdef bytes _find_label(self, PlainZone zone, bytes label)


cdef bint _is_negative(bytes piece) except -1

@cython.locals(length=Py_ssize_t, begin=Py_ssize_t, place=Py_ssize_t)
cdef bint _ends_with(const unsigned char *text, Py_ssize_t size, bytes suffix) except -1

@cython.locals(kind=int)
cdef bint _asks_for_addresses(const unsigned char *octets, Py_ssize_t end)
