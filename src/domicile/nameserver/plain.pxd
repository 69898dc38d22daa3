cimport cython

from domicile.dns.cache cimport ReplyCache, class_of
from domicile.replica.glance cimport Glance


cdef Py_ssize_t _HEADER, _TAIL, _ID, _MOST_ZONES, _LONGEST_LABEL, _LONGEST_NAME
cdef int _DO, _AAAA, _SORTS, _CLASS_IN, _TYPE_A, _TYPE_AAAA, _DOT, _STRANGE, _HOST
cdef bytes _LEFT, _JOINT, _A_LABEL, _OWNER, _TEXT
cdef tuple _POINTERS


cdef class Piece:
    cdef readonly bytes head
    cdef readonly bytes tail
    cdef readonly bint negative


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
    cdef list _zones
    cdef bytearray _text
    cdef Py_ssize_t _end
    cdef Py_ssize_t _labels
    cdef PlainZone _zone
    cdef bytes _cluster
    cdef bint _wants_signatures
    cdef readonly ReplyCache signed

    @cython.locals(
        sort=int, zone=PlainZone, cluster=bytes, pieces=list, piece=Piece,
        end=Py_ssize_t, tail=bytes,
    )
    cpdef bytes find(self, bytes packet)

    @cython.locals(sort=int, end=Py_ssize_t, negative=bint)
    cpdef bint learn(self, bytes packet, bytes reply) except -1

    cdef bint _learn_signed(self, bytes packet, bytes reply) except -1

    cdef bytes _pointer(self)

    @cython.locals(
        size=Py_ssize_t, kind=int, host=bytes, zone=PlainZone, cluster=bytes
    )
    cdef int _sorted(self, bytes packet) except -2

    @cython.locals(
        size=Py_ssize_t, octets="const unsigned char *", text="unsigned char *",
        at=Py_ssize_t, written=Py_ssize_t, labels=Py_ssize_t, length=Py_ssize_t,
        end=Py_ssize_t, place=Py_ssize_t, octet="unsigned char",
    )
    cdef Py_ssize_t _read(self, bytes packet) except -1

    @cython.locals(zone=PlainZone, suffix=bytes)
    cdef PlainZone _zone_of(self, bytes host)

    cdef bytes _find(self, PlainZone zone, bytes host, Py_ssize_t labels)

    @cython.locals(app=bytes, owner=bytes, host=bytes)
    cdef bytes _find_label(self, PlainZone zone, bytes label)


@cython.locals(kind=int)
cdef bint _asks_for_addresses(bytes packet, Py_ssize_t end) except -1
