cdef class Row:
    cdef long long[:] _numbers

    cpdef add(self, Py_ssize_t place, long long count=*)

    cpdef set(self, Py_ssize_t place, long long value)
