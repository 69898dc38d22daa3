cdef class Batch:
    cdef object _socket
    cdef int _descriptor
    cdef Py_ssize_t _size
    cdef Py_ssize_t _taken
    cdef list _replies
    cdef void *_slots

    cpdef Py_ssize_t receive(self)
    cpdef bytes packet(self, Py_ssize_t place)
    cdef Py_ssize_t size(self, Py_ssize_t place) except -1
    cdef const unsigned char *octets(self, Py_ssize_t place) except NULL
    cpdef bytes address(self, Py_ssize_t place)
    cpdef long long prefix(self, Py_ssize_t place) except -1
    cpdef tuple peer(self, Py_ssize_t place)
    cpdef void reply(self, Py_ssize_t place, bytes message)
    cpdef rewrite(self, Py_ssize_t place, bytes piece, Py_ssize_t end, int pointer)
    cpdef void send(self)
