cimport cython


cdef bytes _PLACEMENT, _OWNER
cdef Py_ssize_t _ENTRY, _LONGEST_TEXT
cdef int _ARRAY_OF_TWO, _TEXT
cdef double _LOOK_SECONDS


cdef class Glance:
    cdef object _replica
    cdef object _clock
    cdef double _looks_at
    cdef object _copy
    cdef object _records
    cdef object _index
    cdef object _txn
    cdef object _get
    cdef readonly object as_of
    cdef readonly bint behind
    cdef readonly bint is_open
    cdef readonly long number

    cpdef look_anew(self)

    cpdef distrust(self)

    @cython.locals(now=double, is_same=bint, number=long, behind=bint)
    cpdef bint begin(self) except -1

    cpdef end(self)

    cdef bint _look(self) except -1

    @cython.locals(found=bytes)
    cpdef bytes cluster_of_host(self, bytes place)

    @cython.locals(place=bytes, found=bytes, cluster=bytes)
    cpdef bytes cluster_of_app(self, bytes app, bytes zone)

    cpdef bint has_owner(self, bytes name) except -1

    @cython.locals(found=list, host=bytes, entry=bytes)
    cpdef list hosts_behind(self, bytes place, Py_ssize_t most)


@cython.locals(length=Py_ssize_t)
cdef bytes _cluster_in(bytes entry)

cdef bytes _checked_cluster_in(bytes host, bytes entry)
