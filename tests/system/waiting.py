"""Waiting for what comes about by itself, and saying so where it does not."""

import inspect
import time

# Less than the two minutes that a test has: it fails with what it waited for.
PATIENCE = 100


def wait_until(holds, seconds=PATIENCE):
    """Ask again and again whether it holds; fail where it does not in that time."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"in vain, {seconds} s: {text_of(holds)}"
        time.sleep(0.05)


def text_of(holds):
    """Give a condition in the words of its test: a lambda's line, or its name."""
    if holds.__name__ == "<lambda>":
        return inspect.getsource(holds).strip()
    return holds.__qualname__
