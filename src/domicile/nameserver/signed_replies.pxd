cdef class SignedReplies:
    cdef void *_cache

    cpdef clear(self)

    cpdef foresee(self, const unsigned char *key, Py_ssize_t size)

    cpdef approach(self, const unsigned char *key, Py_ssize_t size)

    cpdef bytes find(self, const unsigned char *key, Py_ssize_t size, bytes beside)

    cpdef put(
        self, const unsigned char *key, Py_ssize_t size, bytes beside, bytes reply
    )
