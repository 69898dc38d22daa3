"""Sees that an app's web server listens no more, whether its process lives or not.

The end of a process is told at once. What else may happen, a socket that is closed or
another that shares its port, is looked for every half second: all apps share one look
at the machine's listeners, and of each app only the descriptors found before are
looked at again. Only where they are not as they were the app's processes are searched.
"""

import asyncio
import contextlib
import os
from collections import defaultdict
from collections.abc import Callable, Iterator

from domicile.clock import monotonic
from domicile.config import Address
from domicile.runtime.listeners import Holder, all_listeners, at, holders
from domicile.runtime.processes import AppProcess
from domicile.runtime.sockdiag import Listener

_LOOK_SECONDS = 0.5
_SHARED_SECONDS = 0.25


class Watch:
    """One for all apps of a manager."""

    def __init__(self) -> None:
        self._seen: dict[int, list[Listener]] = {}
        self._seen_at = -_SHARED_SECONDS

    async def until_lost(self, process: AppProcess, endpoint: Address) -> None:
        """Return once nobody, or somebody else too, listens at the app's endpoint."""
        while held := holders_at(process, endpoint):
            with _told_of_end(held[0].pid) as ended:
                while not ended.is_set() and self._as_it_was(held, endpoint):
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(_LOOK_SECONDS):
                            await ended.wait()

    def _as_it_was(self, held: tuple[Holder, ...], endpoint: Address) -> bool:
        there = at(endpoint, self._listeners().get(endpoint.port, ()))
        return there == {each.inode for each in held} and all(
            each.holds_on() for each in held
        )

    def _listeners(self) -> dict[int, list[Listener]]:
        """Give who listens at each port, as it was a moment ago at most."""
        if monotonic() - self._seen_at >= _SHARED_SECONDS:
            seen = defaultdict(list)
            for each in all_listeners():
                seen[each.address.port].append(each)
            self._seen, self._seen_at = seen, monotonic()
        return self._seen


def holders_at(process: AppProcess, endpoint: Address) -> tuple[Holder, ...]:
    """Give who of the app listens at its endpoint, of each socket one.

    Nobody, if anybody else does, too: who shares a port gets a part of its connections.
    """
    there = at(endpoint, all_listeners())
    if not there:
        return ()
    # Of several that hold it, the first: the others are its workers, and may come and go.
    members = sorted(process.members(), key=lambda each: each.pid, reverse=True)
    held = {each.inode: each for each in holders(members) if each.inode in there}
    return tuple(held.values()) if held.keys() == there else ()


@contextlib.contextmanager
def _told_of_end(pid: int) -> Iterator[asyncio.Event]:
    """Give an event that is set when the process ends."""
    ended = asyncio.Event()
    with contextlib.ExitStack() as stack:
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            ended.set()
        except OSError:
            pass  # We have no descriptor left: the looks will tell.
        else:
            stack.callback(os.close, descriptor)
            stack.callback(_on_end(descriptor, ended.set))
        yield ended


def _on_end(descriptor: int, tell: Callable[[], None]) -> Callable[[], object]:
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, tell)
    return lambda: loop.remove_reader(descriptor)
