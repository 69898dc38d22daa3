"""Dynamic updates: read here, done by the directory, answered once all servers have them.

    packet -> dns.update        form and signature, by the keys of the replica
           -> judged here       our zone? the key's names, and names that exist?
           -> courier           the directory does it, and waits for all name servers
           -> a signed reply, some time later

What comes again while it is on its way, as datagrams do, is not brought twice, and is
answered as the first is. What comes again later, the directory knows.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import structlog

from domicile.clock import Clock, monotonic, wall
from domicile.dns import update as dns_update
from domicile.dns.answer import Ede, ExtendedError
from domicile.dns.client import Client
from domicile.dns.name import name_from_text
from domicile.dns.rdata import Rcode, Rdtype
from domicile.dns.update import Act, Judged, Refused, judge, read_update, reply
from domicile.model.challenges import (
    Action,
    Change,
    NotAChallenge,
    Requirement,
    Update,
    may_update,
    place_of,
    zone_of,
)
from domicile.model.zone_records import ChallengeMode
from domicile.nameserver.answers import answer
from domicile.nameserver.counts import Tally
from domicile.nameserver.courier import Courier, NotDone, NotTaken
from domicile.nameserver.keyring import Keyring
from domicile.nameserver.live import Moment
from domicile.nameserver.replies import Own
from domicile.replica.replica import Replica
from domicile.replica.view import View
from domicile.service.logs import Sparing

MOST = 100
"""So many are on their way at once; and of one key, so many:"""
MOST_OF_ONE_KEY = 10

# Who sends a message more often than that knows the answer from the others.
_MOST_COPIES = 8

_TOO_MANY = ExtendedError(Ede.OTHER, "too many updates at once: send it again")

_ACTIONS = {
    Act.ADD: Action.ADD,
    Act.REMOVE: Action.REMOVE,
    Act.CLEAR: Action.CLEAR,
}

_log = structlog.get_logger()

Send = Callable[[bytes], None]


class _Carried(NamedTuple):
    """An update, what it asks for, and what the directory is asked for."""

    signed: dns_update.Update
    judged: Judged
    wanted: Update


class Updates:
    """Takes the updates of a worker."""

    def __init__(
        self,
        replica: Replica,
        courier: Courier,
        own: Own,
        tally: Tally | None = None,
        clock: Clock = wall,
    ) -> None:
        self._replica = replica
        self._courier = courier
        self._own = own
        self._keys = Keyring(own.sealing_key)
        self._tally = tally
        self._clock = clock
        self._sparing = Sparing()
        self._under_way: dict[tuple[str, bytes], list[tuple[bytes, Send]]] = {}
        self._of_key: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, packet: bytes, client: Client, send: Send) -> None:
        """Take what is an update; `send` is called with the reply, now or later."""

        def counted(octets: bytes) -> None:
            if self._tally is not None:
                self._tally.count(octets, client.transport)
            send(octets)

        if not self._keys.allowance.take(monotonic()):
            # Who may be anybody is not told: that would be work as well.
            if client.is_stream:
                counted(dns_update.refuse(packet, Rcode.SERVFAIL))
            return
        try:
            with self._replica.view() as view:
                found = self._judged(view, packet)
        except Exception as error:  # noqa: BLE001 - the border: a fault of ours
            self._report(error)
            counted(dns_update.refuse(packet, Rcode.SERVFAIL))
            return
        if isinstance(found, _Carried):
            self._send_off(found, packet, counted)
        elif found is not None:
            counted(found)

    async def close(self) -> None:
        """Give up what is under way."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._courier.close()

    def _judged(self, view: View, packet: bytes) -> _Carried | bytes | None:
        now = int(self._clock())
        found = read_update(packet, partial(self._keys.find, view), now)
        if not isinstance(found, dns_update.Update):
            return found
        try:
            return self._allowed(view, found)
        except Refused as refused:
            return reply(found, refused.rcode, now, refused.error)

    def _allowed(self, view: View, found: dns_update.Update) -> _Carried:
        """Raises Refused."""
        if view.zone(found.zone) is None:
            raise Refused(
                Rcode.NOTAUTH,
                ExtendedError(
                    Ede.NOT_AUTHORITATIVE, f"{found.zone} is no zone of ours"
                ),
            )
        judged = judge(found)
        key = view.update_key(found.signed.key.name)
        changed = {each.name for each in judged.changes}
        for name in {each.name for each in judged.requires} | changed:
            zone = zone_of(view.zone, name)
            if zone is None or zone.name != found.zone:
                raise Refused(Rcode.NOTZONE)
            if key is None or not may_update(key, view.zone, _place(view, name)):
                raise _prohibited(f"the key is not for the challenges of {name}")
        for name in {each.name for each in judged.changes if each.act is Act.ADD}:
            self._demand_existence(view, name)
        return _Carried(found, judged, _wanted(found, judged))

    def _demand_existence(self, view: View, name: str) -> None:
        """Promise 8: nothing is issued for a name that the directory does not know."""
        if view.behind or _has_any_name(view, name):
            return
        # An alias is there, whether or not there is anything behind it already.
        files, wire = self._own.files, name_from_text(name)
        found = answer(view, files, Moment(self._clock()), wire, Rdtype.CNAME)
        if found.rcode is Rcode.NXDOMAIN:
            host = name.partition(".")[2]
            raise _prohibited(f"there is no {host}, so it has no challenges")

    def _send_off(self, carried: _Carried, packet: bytes, send: Send) -> None:
        key, mac = carried.signed.signed.key.name, carried.signed.signed.mac
        copies = self._under_way.get((key, mac))
        if copies is not None:
            if len(copies) < _MOST_COPIES:
                copies.append((packet[:2], send))
            return
        if len(self._under_way) >= MOST or self._of_key[key] >= MOST_OF_ONE_KEY:
            now = int(self._clock())
            send(reply(carried.signed, Rcode.SERVFAIL, now, _TOO_MANY))
            return
        self._under_way[key, mac] = [(packet[:2], send)]
        self._of_key[key] += 1
        task = asyncio.create_task(self._carry(carried))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, carried: _Carried) -> None:
        signed = carried.signed.signed
        try:
            rcode, error = await self._outcome(carried)
        finally:
            copies = self._under_way.pop((signed.key.name, signed.mac))
            self._of_key[signed.key.name] -= 1
        written = reply(carried.signed, rcode, int(self._clock()), error)
        for ident, send in copies:
            # The id is not what was signed, but the one that the record has.
            send(ident + written[2:])

    async def _outcome(self, carried: _Carried) -> tuple[Rcode, ExtendedError | None]:
        try:
            done = await self._courier.bring(carried.wanted)
        except NotTaken as error:
            return Rcode.REFUSED, ExtendedError(Ede.PROHIBITED, str(error))
        except NotDone as error:
            self._report(error)
            return Rcode.SERVFAIL, ExtendedError(Ede.NETWORK_ERROR, str(error))
        except Exception as error:  # noqa: BLE001 - the border: a fault of ours
            self._report(error)
            return Rcode.SERVFAIL, None
        if done.unmet is not None:
            return carried.judged.requires[done.unmet].otherwise, None
        return Rcode.NOERROR, None

    def _report(self, error: Exception) -> None:
        if times := self._sparing.count():
            reason = f"{type(error).__name__}: {error}"
            _log.error("cannot_update", reason=reason, times=times)


def _has_any_name(view: View, name: str) -> bool:
    """Whether the zone of a name has what it is given, and no names of its own."""
    zone = zone_of(view.zone, name)
    return zone is not None and zone.challenges is ChallengeMode.ONLY


def _place(view: View, name: str) -> str:
    """Raises Refused."""
    try:
        return place_of(view.zone, name)
    except NotAChallenge as error:
        raise _prohibited(str(error)) from error


def _prohibited(why: str) -> Refused:
    return Refused(Rcode.REFUSED, ExtendedError(Ede.PROHIBITED, why))


def _wanted(found: dns_update.Update, judged: Judged) -> Update:
    return Update(
        found.signed.key.name,
        found.signed.mac.hex(),
        tuple(
            Change(each.name, _ACTIONS[each.act], each.value) for each in judged.changes
        ),
        tuple(
            Requirement(each.name, each.present, each.values)
            for each in judged.requires
        ),
    )
