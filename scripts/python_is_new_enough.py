"""Stop with one clear line where the interpreter is too old."""

import sys

if sys.version_info < (3, 11):
    sys.exit(
        "Domicile needs Python 3.11 or newer, and %s is %d.%d: "
        "try make PYTHON=python3.12" % ((sys.executable,) + sys.version_info[:2])
    )
