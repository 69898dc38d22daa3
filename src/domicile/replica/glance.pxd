cimport cython


cdef bytes _PLACEMENT, _OWNER, _LEFT
cdef Py_ssize_t _ENTRY, _LONGEST_TEXT
cdef int _ARRAY_OF_TWO, _TEXT


cdef class Glance:
    cdef object _get
    cdef object _records
    cdef object _index

    @cython.locals(place=bytes, found=bytes, length=Py_ssize_t)
    cpdef bytes cluster_of_host(self, bytes host)

    @cython.locals(place=bytes, found=bytes)
    cpdef bytes cluster_of_app(self, bytes app, bytes zone)

    cpdef bint has_owner(self, bytes name) except -1
