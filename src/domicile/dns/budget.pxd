cimport cython


cdef unsigned long long _MASK
cdef int _SHIFT
cdef long long _MICROSECONDS


cdef class Budget:
    cdef long long _rate
    cdef long long _burst
    cdef unsigned long long _factor
    cdef long long[::1] _table
    cdef long long[::1] _exempt
    cdef int _over

    @cython.locals(at=Py_ssize_t, exempt="long long[::1]")
    cpdef bint allows(
        self, long long prefix, long long asked, long long answered, long long now
    ) except -1

    cpdef bint slips(self) except -1

    @cython.locals(
        place=Py_ssize_t, other=Py_ssize_t, spent="long long", table="long long[::1]"
    )
    cdef bint _spend(self, long long prefix, long long excess, long long now) except -1
