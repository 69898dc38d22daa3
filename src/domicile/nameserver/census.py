"""Has a table of all hosts say what a replica says, while that changes.

It is filled little by little, as of whatever is glanced at; what changes meanwhile is
looked up again before anything else is, be it in the table yet or not. So what is in the
table is always as of the glance, and once its end was reached, all is in it.
"""

from typing import Final, Protocol

import lmdb

from domicile.model.record import Record
from domicile.model.records import Placement
from domicile.nameserver.hosts import MOST, Hosts
from domicile.replica.glance import HOST, Glance

AT_ONCE: Final = 400
"""So many hosts take half a millisecond: no longer shall a query wait."""

# What more changes at once is not looked up one by one, but with all others.
_MOST_TOUCHED: Final = 2000
_FIRST: Final = bytes((HOST,))


class Counted(Protocol):
    """A view of what is glanced at."""

    @property
    def serial(self) -> int: ...

    def count(self, kind: type[Record], /) -> int: ...

    def hosts_touched_after(self, serial: int, most: int, /) -> set[bytes] | None: ...


class Census:
    """Goes through a replica's hosts, and follows it."""

    __slots__ = ("_at", "_came", "_glance", "_hosts", "_name", "_room", "_serial")

    def __init__(self, glance: Glance, hosts: Hosts) -> None:
        self._glance = glance
        self._hosts = hosts
        self._name, self._serial, self._room, self._came = "", -1, 0, 0
        # Behind this host there are some that were not looked at; None: behind none.
        self._at: bytes | None = None

    def follow(self, view: Counted) -> None:
        """Have the table be as of the view, which is what is glanced at."""
        name, serial, count = self._glance.as_of, view.serial, view.count(Placement)
        touched = None
        if name == self._name and count <= self._room and self._came <= self._room:
            touched = view.hosts_touched_after(self._serial, _MOST_TOUCHED)
        self._name, self._serial = name, serial
        if touched is None or not self._take(touched):
            self._begin(count)

    def go_on(self) -> bool:
        """Take some more out of what is glanced at; say whether that is not the end."""
        at = self._at
        if at is None:
            return False
        try:
            found = self._glance.hosts_behind(at, AT_ONCE)
        except lmdb.Error:
            # The replica is damaged, and going to be replaced.
            return self._give_up()
        for host, cluster in found:
            if not self._hosts.put(host, cluster):
                return self._give_up()
        if len(found) == AT_ONCE:
            self._at = found[-1][0]
            return True
        self._hosts.complete()
        self._at = None
        return False

    def _take(self, touched: set[bytes]) -> bool:
        """Look up anew what changed; False: there is no room for it."""
        self._came += len(touched)
        look_up = self._glance.cluster_of_host
        return all(self._hosts.put(host, look_up(host)) for host in touched)

    def _begin(self, count: int) -> None:
        # Some may come; of more than there may be none is looked at.
        self._room = max(count, min(count + count // 16 + 256, MOST))
        # What comes and goes leaves traces, which make look-ups longer.
        self._came = 0
        is_too_much = count > MOST
        self._hosts.begin(0 if is_too_much else self._room)
        self._at = None if is_too_much else _FIRST

    def _give_up(self) -> bool:
        """Leave all to the replica, until that changes."""
        self._hosts.begin(0)
        self._name = ""
        self._at = None
        return False
