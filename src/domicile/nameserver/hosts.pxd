cdef class Hosts:
    cdef void *_table
    cdef dict _numbers
    cdef list _clusters
    cdef readonly bint whole

    cpdef begin(self, Py_ssize_t count)

    cpdef bint put(self, bytes host, bytes cluster) except -1

    cpdef foresee(self, const unsigned char *host, Py_ssize_t size)

    cpdef bytes find(self, const unsigned char *host, Py_ssize_t size)
