"""What processes grow by while something goes through them."""

import subprocess
import sys
import time

from domicile.demo.tour.memory import Memory

MIB = 1 << 20

GROWS = """
import sys
print("ready", flush=True)
sys.stdin.readline()
large = bytes(64 << 20).replace(b"\\0", b"x")
print("grown", flush=True)
sys.stdin.readline()
"""


def test_what_a_process_grows_by_is_seen():
    with subprocess.Popen(
        [sys.executable, "-c", GROWS],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
    ) as process:  # fmt: skip
        process.stdout.readline()
        with Memory([process.pid]) as memory:
            process.stdin.write("\n")
            process.stdout.readline()
            while memory.growth < 60 * MIB:
                time.sleep(0.02)
        process.stdin.write("\n")
    assert memory.growth < 200 * MIB
