cimport cython


cdef Py_ssize_t _HEADER, _TAIL, _OPT, _LONGEST_LABEL, _OVERHEAD
cdef int _NOT_PLAIN
cdef tuple _CLASSES


cdef class ReplyCache:
    cdef Py_ssize_t _half
    cdef Py_ssize_t _size
    cdef dict _young
    cdef dict _old

    cpdef clear(self)

    @cython.locals(
        end=Py_ssize_t, kind=int, asked=bytes, folded=bytes, key=bytes, kept=bytes
    )
    cpdef bytes find(self, bytes packet, bytes beside=*)

    @cython.locals(end=Py_ssize_t, kind=int, folded=bytes)
    cpdef keep(self, bytes packet, bytes reply, bytes beside=*)

    cdef _put(self, bytes key, bytes kept)


@cython.locals(at=Py_ssize_t, size=Py_ssize_t, length=Py_ssize_t)
cdef Py_ssize_t _end_of_question(bytes packet) except -2

@cython.locals(size=Py_ssize_t, kind=int)
cpdef int class_of(bytes packet, Py_ssize_t end) except -2

cdef bint _is_plain(bytes packet) except -1

cdef bint _is_opt(bytes packet, Py_ssize_t at, Py_ssize_t size) except -1

cdef bint _options_end(bytes packet, Py_ssize_t at, Py_ssize_t size) except -1
