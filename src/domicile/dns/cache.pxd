cimport cython


cdef Py_ssize_t _HEADER, _TAIL, _OPT, _LONGEST_LABEL, _OVERHEAD
cdef int _NOT_PLAIN
cdef tuple _CLASSES


cdef class Kept:
    cdef Py_ssize_t _half
    cdef Py_ssize_t _size
    cdef dict _young
    cdef dict _old

    cpdef clear(self)

    @cython.locals(kept=bytes)
    cpdef bytes get(self, bytes key)

    cpdef put(self, bytes key, bytes kept)


cdef class ReplyCache:
    cdef Kept _kept

    cpdef clear(self)

    @cython.locals(
        end=Py_ssize_t, kind=int, asked=bytes, folded=bytes, kept=bytes
    )
    cpdef bytes find(self, bytes packet)

    @cython.locals(end=Py_ssize_t, kind=int, folded=bytes, kept=bytes)
    cpdef keep(self, bytes packet, bytes reply)


@cython.locals(at=Py_ssize_t, size=Py_ssize_t, length=Py_ssize_t)
cdef Py_ssize_t _end_of_question(bytes packet) except -2

@cython.locals(kind=int)
cpdef int class_of(const unsigned char *packet, Py_ssize_t size, Py_ssize_t end)

cdef bint _is_plain(const unsigned char *packet)

cdef bint _is_opt(const unsigned char *packet, Py_ssize_t at, Py_ssize_t size)

cdef bint _options_end(const unsigned char *packet, Py_ssize_t at, Py_ssize_t size)
