cimport cython

from domicile.dns.cache cimport class_of
from domicile.replica.glance cimport Glance


cdef Py_ssize_t _HEADER, _TAIL, _ID, _MOST_ZONES, _LONGEST_LABEL
cdef int _DO, _AAAA, _CLASS_IN, _TYPE_A, _TYPE_AAAA
cdef bytes _JOINT, _A_LABEL, _STRANGE, _OWNER, _NOWHERE, _TEXT
cdef tuple _SORTS, _POINTERS, _LEARNT


cdef class Piece:
    cdef readonly bytes head
    cdef readonly bytes tail
    cdef readonly bint negative


cdef class PlainZone:
    cdef readonly bytes suffix
    cdef readonly Py_ssize_t labels
    cdef readonly object left
    cdef readonly bint plain
    cdef readonly bint signed
    cdef readonly dict pieces


cdef class PlainQuestions:
    cdef list _zones
    cdef Glance _seen
    cdef PlainZone _zone
    cdef bytes _sort
    cdef Py_ssize_t _end
    cdef Py_ssize_t _labels

    @cython.locals(zone=PlainZone, piece=Piece, end=Py_ssize_t)
    cpdef bytes find(self, bytes packet)

    @cython.locals(end=Py_ssize_t, negative=bint)
    cpdef bint learn(self, bytes packet, bytes reply) except -1

    @cython.locals(kind=int, text=bytes, zone=PlainZone, cluster=bytes)
    cdef bint _sorted(self, bytes packet) except -1

    @cython.locals(
        size=Py_ssize_t, at=Py_ssize_t, labels=Py_ssize_t, length=Py_ssize_t,
        end=Py_ssize_t, kind=int,
    )
    cdef int _kind(self, bytes packet) except -2

    @cython.locals(zone=PlainZone)
    cdef PlainZone _zone_of(self, bytes text)


@cython.locals(found=bytes)
cdef bytes _cluster(Glance seen, PlainZone zone, bytes text, Py_ssize_t labels)

@cython.locals(app=bytes, owner=bytes)
cdef bytes _cluster_of_label(Glance seen, PlainZone zone, bytes label)
