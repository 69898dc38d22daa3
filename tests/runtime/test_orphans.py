"""Orphans come to who takes them in, and are buried; in a process of its own."""

import subprocess
import sys

# Two children: one ends, one leaves a child of its own behind.
SCRIPT = """
import os, time
from domicile.runtime import orphans, proctable

def state(pid):
    stat = proctable.look_up(pid)
    return stat and stat.state

orphans.take_in()
held, hold = os.pipe()
said, say = os.pipe()
mine = os.fork()
if mine == 0:
    os._exit(7)
parent = os.fork()
if parent == 0:
    if os.fork() == 0:
        os.close(hold)
        os.write(say, str(os.getpid()).encode())
        os.read(held, 1)
    os._exit(0)
orphan = int(os.read(said, 20))
os.waitpid(parent, 0)
assert proctable.look_up(orphan).parent == os.getpid()
orphans.bury([mine])
assert state(orphan) not in {None, "Z"}
os.close(hold)
while state(orphan) != "Z": time.sleep(0.01)
orphans.bury([mine])
assert state(orphan) is None
assert os.waitstatus_to_exitcode(os.waitpid(mine, 0)[1]) == 7
orphans.bury([])
"""


def test_orphans_are_taken_in_and_buried_and_others_are_left_to_who_waits():
    ran = subprocess.run([sys.executable, "-c", SCRIPT], stderr=subprocess.PIPE)
    assert (ran.returncode, ran.stderr) == (0, b"")
