"""A process without a parent of ours ends on a signal, and on nothing else."""

import contextlib
import signal
import time

import psutil
import pytest


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_process_without_a_lifeline_waits_for_a_signal(start, number):
    script = start(
        """
        import asyncio
        from domicile.service.lifeline import wait_for_end

        async def main():
            loop = asyncio.get_running_loop()
            waiting = asyncio.create_task(wait_for_end(loop))
            await asyncio.sleep(0)
            print("waiting", flush=True)
            await waiting
            print("ended", flush=True)

        asyncio.run(main())
        """
    )
    assert script.lines(1) == [["waiting"]]
    script.process.send_signal(number)
    assert script.rest() == "ended\n"
    assert script.process.wait() == 0


def test_a_process_is_called_what_it_does(start):
    script = start(
        """
        import pathlib
        from domicile.service.lifeline import call_process

        call_process("worker-1")
        print(pathlib.Path("/proc/self/comm").read_text(), end="")
        """
    )
    assert script.rest() == "worker-1\n"


def test_a_second_signal_does_not_cut_the_drain(start):
    script = start(
        """
        import asyncio, os, signal
        from domicile.service.lifeline import wait_for_end

        async def main():
            loop = asyncio.get_running_loop()
            loop.call_soon(os.kill, os.getpid(), signal.SIGTERM)
            await wait_for_end(loop)
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(0)
            print("drained", flush=True)

        asyncio.run(main())
        """
    )
    assert script.rest() == "drained\n"
    assert script.process.wait() == 0


def test_a_child_that_hangs_ends_after_its_parent_died(start):
    """Nobody would look after it any more, and it would keep its ports."""
    script = start(
        """
        import asyncio, os
        import uvloop
        from domicile.service import lifeline
        from domicile.service.parent import run_children

        lifeline._LATE_SECONDS = 0.5

        async def main():
            waiting = asyncio.create_task(
                lifeline.wait_for_end(asyncio.get_running_loop())
            )
            await asyncio.sleep(0.1)
            print("child", os.getpid(), flush=True)
            while True:
                pass

        run_children([("hanging", lambda: uvloop.run(main()))])
        """
    )
    child = next(line[1] for line in script.lines(2) if line[0] == "child")
    script.process.kill()
    script.process.wait()
    deadline = time.monotonic() + 30
    while psutil.pid_exists(int(child)) and runs(int(child)):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def runs(pid):
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False
