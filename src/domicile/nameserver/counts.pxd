from domicile.service.counters cimport Row


cdef class Tally:
    cdef object _dropped
    cdef object _none
    cdef list _of_rcode
    cdef dict _over_budget
    cdef Row _row
    cdef dict _transports
    cdef object _truncated
    cdef Py_ssize_t _noerror, _nxdomain, _udp

    cpdef count_remembered(self, long long count, long long missing)
