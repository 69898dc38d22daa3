# Compiled as it is: what it costs is calls, and Cython's are cheaper.
