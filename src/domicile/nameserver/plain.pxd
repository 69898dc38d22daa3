cimport cython

from domicile.dns.cache cimport class_of
from domicile.nameserver.hosts cimport Hosts
from domicile.nameserver.signed_replies cimport SignedReplies
from domicile.replica.glance cimport Glance


cdef Py_ssize_t _HEADER, _HEAD, _TAIL, _ID, _MOST_ZONES, _LONGEST_LABEL, _LONGEST_NAME
cdef int _DO, _AAAA, _SORTS, _CLASS_IN, _TYPE_A, _TYPE_AAAA, _DOT, _STRANGE, _HOST
cdef int _POINTER, _OWNER, _HEAD_COUNTS
cdef bytes _LEFT, _UNKNOWN, _JOINT, _A_LABEL, _TEXT


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


cdef class Question:
    cdef bytearray text
    cdef Py_ssize_t size
    cdef Py_ssize_t labels
    cdef readonly Py_ssize_t end
    cdef readonly int pointer
    cdef int sort
    cdef bint wants_signatures
    cdef PlainZone zone
    cdef bytes cluster

    @cython.locals(
        text="unsigned char *", at=Py_ssize_t, written=Py_ssize_t, labels=Py_ssize_t,
        length=Py_ssize_t, end=Py_ssize_t, place=Py_ssize_t, octet="unsigned char",
    )
    cdef bint read(self, const unsigned char *octets, Py_ssize_t size) except -1

    @cython.locals(
        suffix=bytes, length=Py_ssize_t, begin=Py_ssize_t, place=Py_ssize_t,
        text="unsigned char *",
    )
    cdef bint is_in(self, PlainZone zone) except -1

    cdef int pointer_to_zone(self) except -1


cdef class PlainQuestions:
    cdef Glance _glance
    cdef Hosts _hosts
    cdef SignedReplies _signed
    cdef list _zones
    cdef Question _question

    @cython.locals(question=Question, piece=bytes)
    cpdef bytes find(self, bytes packet)

    @cython.locals(end=Py_ssize_t, kind=int, sort=int, zone=PlainZone)
    cdef read(self, Question question, const unsigned char *octets, Py_ssize_t size)

    cdef approach(self, Question question)

    @cython.locals(zone=PlainZone, cluster=bytes, pieces=list, piece=bytes)
    cdef bytes match(self, Question question)

    @cython.locals(
        question=Question, end=Py_ssize_t, negative=bint, head=bytes, owner=int,
        cluster=bytes, kept=bytes,
    )
    cpdef bint learn(self, bytes packet, bytes reply) except -1

    cdef bint _is_found(self, Question question) except -1

    @cython.locals(
        zone=PlainZone, labels=Py_ssize_t, text="unsigned char *", size=Py_ssize_t,
        found=bytes,
    )
    cdef bytes _find(self, Question question)

    @cython.locals(app=bytes, owner=bytes, host=bytes)
    cdef bytes _find_label(self, PlainZone zone, bytes label)


@cython.locals(pointer=bytes, asked=bytes)
cpdef bytes compose(bytes packet, Question question, bytes piece)

cdef bint _is_negative(bytes piece) except -1

@cython.locals(kind=int)
cdef bint _asks_for_addresses(const unsigned char *octets, Py_ssize_t end)
