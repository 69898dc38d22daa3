"""Make a virtual environment: make_environment.py FOLDER. What is missing is one line.

This file must parse on old interpreters, so that they can say that they are old.
"""

import subprocess
import sys


def main(folder):
    if sys.version_info < (3, 11):
        sys.exit(
            "Domicile needs Python 3.11 or newer, and %s is %d.%d: "
            "try make PYTHON=python3.12" % ((sys.executable,) + sys.version_info[:2])
        )
    if not has("venv"):
        sys.exit(
            "Domicile needs Python's module venv, which %s does not have: "
            "on Debian, apt install python3-venv" % sys.executable
        )
    make = [sys.executable, "-m", "venv", folder]
    if has("ensurepip"):
        run(make)
    elif has("pip"):
        # As on a Debian with python3-pip and without python3-venv.
        run(make + ["--without-pip"])
        pip = [sys.executable, "-m", "pip", "--python", folder + "/bin/python"]
        run(pip + ["install", "--quiet", "--disable-pip-version-check", "pip"])
    else:
        sys.exit(
            "Domicile needs pip, which %s does not have: "
            "on Debian, apt install python3-venv" % sys.executable
        )


def has(module):
    try:
        __import__(module)
    except ImportError:
        return False
    return True


def run(command):
    status = subprocess.call(command)
    if status:
        sys.exit("Domicile has no environment: %s failed" % " ".join(command))


if __name__ == "__main__":
    main(sys.argv[1])
