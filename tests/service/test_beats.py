"""A child's beats are seen by who laid them out, and go on while its loop runs."""

import asyncio
import os

from domicile.service.beats import lay_out


def test_each_child_has_a_number_of_its_own_in_shared_memory():
    first, second = lay_out(2)
    if (pid := os.fork()) == 0:
        first.add()
        os._exit(0)
    os.waitpid(pid, 0)
    assert (first.count, second.count) == (1, 0)
    first.reset()
    assert first.count == 0


async def test_a_loop_beats_as_long_as_it_runs():
    (beat,) = lay_out(1)
    beat.keep_adding(asyncio.get_running_loop())
    while beat.count < 3:
        await asyncio.sleep(0.05)
