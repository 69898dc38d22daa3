cimport cython


@cython.locals(newline=Py_ssize_t, line_end=Py_ssize_t, limit=Py_ssize_t,
               blank=Py_ssize_t, stop=Py_ssize_t)
cdef tuple _find_ends(buffer, Py_ssize_t start, limits)

@cython.locals(first=Py_ssize_t, last=Py_ssize_t, most=Py_ssize_t, fields=list,
               singled=dict, line=bytes, name=bytes, value=bytes, raw=bytes)
cdef tuple _read_fields(bytes head, Py_ssize_t line_end, limits)

cdef tuple _frame(dict singled, int minor)

cdef bint _keeps_alive(dict singled, int minor) except -1

cdef bint _expects_continue(dict singled, int minor) except -1
