cimport cython

from domicile.dns.budget cimport Budget
from domicile.dns.cache cimport ReplyCache
from domicile.nameserver.mmsg cimport Batch
from domicile.nameserver.counts cimport Tally
from domicile.nameserver.plain cimport PlainQuestions, Question, compose
from domicile.replica.glance cimport Glance


cdef int _RCODE
cdef Py_ssize_t _HEAD


cdef class Datagrams:
    cdef object _socket
    cdef object _replies
    cdef Glance _glance
    cdef PlainQuestions _plain
    cdef ReplyCache _remembered
    cdef Tally _tally
    cdef object _restraint
    cdef object _updates
    cdef object _clock
    cdef Budget _budget
    cdef Batch _batch
    cdef list _questions

    @cython.locals(taken=Py_ssize_t, glance=Glance)
    cpdef _serve(self)

    @cython.locals(
        batch=Batch, plain=PlainQuestions, budget=Budget, place=Py_ssize_t,
        now="long long", missing=Py_ssize_t, size=Py_ssize_t, length=Py_ssize_t,
        packet=bytes, piece=bytes, missed=list, question=Question,
    )
    cdef _serve_batch(self, Py_ssize_t taken)

    @cython.locals(packet=bytes, found=bytes)
    cdef bint _recall(self, Py_ssize_t place) except -1

    @cython.locals(batch=Batch, place=Py_ssize_t, packet=bytes)
    cpdef _answer(self, list places)

    @cython.locals(budget=Budget, now="long long", prefix="long long")
    cdef _reply(self, Py_ssize_t place, bytes packet, bytes message)

    cdef _restrain(self, Py_ssize_t place, bytes packet, bytes message)

    cdef object _client(self, Py_ssize_t place)
