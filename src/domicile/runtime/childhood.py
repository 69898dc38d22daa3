"""A child that does not outlive the thread that starts it."""

import ctypes
import os
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1

# Looked up here: between fork and exec as little as possible is done.
_prctl = ctypes.CDLL(None).prctl


def follow(parent: int) -> Callable[[], None]:
    """Have a child get SIGTERM at our death, and its signals as everybody has them.

    It is called between fork and exec, so it calls prctl only.
    """

    def prepare() -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(1)

    return prepare
