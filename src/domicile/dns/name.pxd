cimport cython


@cython.locals(at=Py_ssize_t, end=Py_ssize_t, length=Py_ssize_t)
cpdef bytes read_name(bytes packet, Py_ssize_t start)

cpdef bytes fold(bytes name)

@cython.locals(labels=list, at=Py_ssize_t, end=Py_ssize_t)
cpdef tuple labels_of(bytes name)

@cython.locals(wanted=Py_ssize_t, at=Py_ssize_t)
cpdef object offset_of_suffix(bytes name, bytes suffix)
