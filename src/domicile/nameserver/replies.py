"""Replies out of one replica, a batch of messages at a time.

What was replied to a datagram is remembered for as long as it is what the replica says:
until a glance shows another copy, or that it was written to, or that it is behind now
and was not, or was and is not. What depends on the time of day is not remembered, and
nothing for more than an hour. A view is opened for what is not known, and for the
worker's word to its follower, after which the next glance is no older; so nobody is told
a serial while older replies are given.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from typing import Final, NamedTuple

import structlog

from domicile.clock import Clock, monotonic, wall
from domicile.dns.answer import Answer
from domicile.dns.cache import ReplyCache
from domicile.dns.client import Client
from domicile.dns.responder import SILENT, Server, respond
from domicile.dns.signatures import PER_SECOND
from domicile.dns.signed_query import may_be_signed, reply_to_signed
from domicile.dns.tsig import Key
from domicile.dns.zonefile import StaticZone
from domicile.dns.zones import FindZone
from domicile.errors import DomicileError
from domicile.model.records import Cluster
from domicile.model.zone_records import CookieSecrets, Zone, ZoneKey
from domicile.nameserver.alone import NoRecords
from domicile.nameserver.answers import (
    answer_from,
    answer_without_records,
    zones_of,
)
from domicile.nameserver.as_of import AsOf
from domicile.nameserver.census import Census
from domicile.nameserver.cookies import cookie_secrets
from domicile.nameserver.counts import Tally
from domicile.nameserver.hosts import Hosts
from domicile.nameserver.keyring import NO_KEYS, Keyring
from domicile.nameserver.live import Moment, ServedView
from domicile.nameserver.plain import PlainQuestions
from domicile.nameserver.plain_zones import plain_zones
from domicile.nameserver.published import Published
from domicile.nameserver.signed import Signing
from domicile.nameserver.where import Network, is_where, may_ask, tell_where
from domicile.replica.glance import Glance
from domicile.replica.replica import Replica
from domicile.replica.view import View
from domicile.service.logs import Sparing

log = structlog.get_logger()

Reply = Callable[[bytes, Client], bytes | None]

# What is signed is renewed days before it expires, and not on a change of records.
_HOUR: Final = 3600
_ATTEMPTS: Final = 3

# Of these kinds a change makes what is known of plain questions wrong, or the keys and
# secrets that are in use; no other does.
_OF_PLAIN: Final = frozenset({Zone.kind, Cluster.kind, ZoneKey.kind})
_OF_SECRETS: Final = frozenset({Zone.kind, ZoneKey.kind, CookieSecrets.kind})

_ROOM: Final = 48 * 1024 * 1024
_SIGNED_ROOM: Final = 48 * 1024 * 1024
"""Octets of replies to remember, in each worker: signed ones of some 180,000 apps."""


class Own(NamedTuple):
    """What a server has of its own, whatever the directory's records are.

    `files` are the zones of master files by their apexes, `told` the networks that may
    ask `_where`, `published` the serials of zones that secondaries take, `keys` those by
    which secondaries sign and that are no records; the `sealing_key` is for secrets in
    records. So many `signatures` are made within a second.
    """

    files: Mapping[bytes, StaticZone] = {}
    identity: Server = SILENT
    told: tuple[Network, ...] = ()
    sealing_key: bytes | None = None
    published: Published | None = None
    signatures: float = PER_SECOND
    keys: Mapping[str, Key] = NO_KEYS


class Replies:
    """Answers each batch from one view of the replica, as of one serial."""

    def __init__(
        self,
        replica: Replica | NoRecords,
        tally: Tally | None = None,
        own: Own | None = None,
        clock: Clock = wall,
    ) -> None:
        self._replica = replica
        self._own = own or Own()
        self.tally = tally
        self._clock = clock
        self._sparing = Sparing()
        self.glance = Glance(replica)
        self._keys = Keyring(self._own.sealing_key, self._own.keys)
        hosts = Hosts()
        self._census = Census(self.glance, hosts)
        self.plain = PlainQuestions(self.glance, hosts, _SIGNED_ROOM)
        self.remembered = ReplyCache(_ROOM)
        self._view: View | NoRecords | None = None
        self._server = self._identity = self._own.identity
        self._lasting = False
        self._signing = Signing(self._own.sealing_key, self._own.signatures)
        self._plain_as_of, self._secrets_as_of = AsOf(replica), AsOf(replica)
        self._renewed_at = clock()
        self._is_aged = False

    def serial(self) -> int:
        """Give the serial as of which all is answered from now on, 0 if none can tell."""
        try:
            with self._replica.view() as view:
                self.glance.look_anew()
                if self._clock() >= self._renewed_at + _HOUR:
                    self._is_aged = True
                    self.glance.distrust()
                return view.serial
        except (DomicileError, OSError):
            return 0

    def begin(self) -> None:
        """Have what is `plain` and `remembered` be as of now, until the `end`."""
        if not self.glance.begin():
            self.renew()

    def end(self) -> None:
        self.glance.end()

    @contextmanager
    def batch(self) -> Iterator[Reply]:
        """Open what answers until the batch ends; no bad data makes it raise."""
        with ExitStack() as stack:
            try:
                opened: AbstractContextManager[View | NoRecords] = self._replica.view()
                self._view = stack.enter_context(opened)
                if self._replica.open_name != self.glance.as_of:
                    # Or what comes after these replies could be older than they are.
                    self.glance.look_anew()
                self.begin()
                stack.callback(self.end)
                self._lasting = self._is_glanced_at(self._view)
                self._have_secrets(self._view)
            except Exception as error:  # noqa: BLE001 - the border: see _report
                self._report(error)
                self._view = None
            self._server = self.server()
            yield self.reply

    def server(self) -> Server:
        """Give what the server says of itself now."""
        return self._identity._replace(now=int(self._clock()))

    def reply(self, packet: bytes, client: Client) -> bytes | None:
        """Reply to what is not known."""
        signed = self._view is not None and may_be_signed(packet)
        replied = (self._reply_signed if signed else self._reply)(packet, client)
        if self.tally is not None:
            self.tally.count(replied, client.transport)
        return replied

    def _reply_signed(self, packet: bytes, client: Client) -> bytes | None:
        assert self._view is not None
        if not (self._keys.allowance.take(monotonic()) or client.is_stream):
            return None
        find_key = partial(self._keys.find, self._view)
        now = self._server.now
        try:
            return reply_to_signed(packet, client, find_key, now, self._reply)
        except Exception as error:  # noqa: BLE001 - the border: see _report
            self._report(error)
            return self._fail(packet, client)

    def _reply(self, packet: bytes, client: Client) -> bytes | None:
        if self._view is None:
            return self._fail(packet, client)
        self._signing.denied = False
        moment = Moment(self._server.now)
        try:
            found = self._respond(self._view, moment, packet, client)
        except Exception as error:  # noqa: BLE001 - the border: see _report
            self._report(error)
            return self._fail(packet, client)
        if found is not None and not (client.is_stream or moment.is_passing):
            self._keep(packet, found)
        return found

    def _respond(
        self, view: View | NoRecords, moment: Moment, packet: bytes, client: Client
    ) -> bytes | None:
        find_zone = zones_of(view, self._own.files, moment, self._signing.zones)
        look_up = partial(self._look_up, view, find_zone, client)
        sign = partial(self._signing.sign, find_zone, client, self._server.now)
        return respond(packet, client, look_up, self._server, sign)

    def _keep(self, packet: bytes, reply: bytes) -> None:
        """Keep what may be given again, if that is as of what is glanced at."""
        # Of names that are not there is no end, whatever the rcode is.
        lasting = self._lasting and not self._signing.denied
        if lasting and not self.plain.learn(packet, reply):
            self.remembered.keep(packet, reply)

    def _look_up(
        self,
        view: ServedView,
        find_zone: FindZone,
        client: Client,
        name: bytes,
        rdtype: int,
    ) -> Answer:
        if is_where(name) and may_ask(self._own.told, client.address):
            return tell_where(view, name, rdtype)
        found = answer_from(view, find_zone, name, rdtype)
        published = self._own.published
        return published.renumbered(found) if published else found

    def _fail(self, packet: bytes, client: Client) -> bytes | None:
        look_up = partial(answer_without_records, self._own.files)
        return respond(packet, client, look_up, self._server, self._signing.refuse)

    def take_census(self) -> bool:
        """Learn some more of where hosts are; say whether there is more to learn."""
        self.begin()
        try:
            return self._census.go_on()
        finally:
            self.end()

    def renew(self) -> None:
        """Forget what other records said."""
        self.remembered.clear()
        is_aged, self._is_aged = self._is_aged, False
        try:
            is_renewed = self._try_to_renew(is_aged)
        except BaseException:
            self._forget()
            raise
        if not is_renewed:
            self._forget()

    def _try_to_renew(self, is_aged: bool) -> bool:
        """Have what is known be as of the glance; say whether it is, or need not be."""
        for _ in range(_ATTEMPTS):
            try:
                with self._replica.view() as view:
                    if view.behind:
                        # It has more to say than what it said before.
                        self.plain.forget()
                        self._plain_as_of.forget()
                        return True
                    if self._is_glanced_at(view):
                        self._renew_from(view, is_aged)
                        return True
            except (DomicileError, OSError):
                return False
            # Between the glance and the view there was a change, or another copy.
            self.glance.look_anew()
            self.glance.begin()
        return False

    def _forget(self) -> None:
        """Answer the long way, and try again with the next glance."""
        self.plain.forget()
        self._plain_as_of.forget()
        self.glance.distrust()

    def _renew_from(self, view: View | NoRecords, is_aged: bool) -> None:
        self._census.follow(view)
        if is_aged or self._plain_as_of.are_others(view, _OF_PLAIN):
            self._renewed_at = self._clock()
            self._have_secrets(view)
            signed = self._signing.zones
            self.plain.forget(plain_zones(view, self._own.files, signed))
        else:
            self.plain.forget_serial()

    def _have_secrets(self, view: View | NoRecords) -> None:
        """Sign by the keys that a view has, and make cookies of its secrets."""
        if self._secrets_as_of.are_others(view, _OF_SECRETS):
            self._signing.load(view)
            own = self._own
            found = cookie_secrets(view, own.sealing_key) or own.identity.secrets
            self._identity = own.identity._replace(secrets=found)

    def _is_glanced_at(self, view: View | NoRecords) -> bool:
        glance = self.glance
        return (view.number, view.behind) == (glance.number, glance.behind) and (
            self._replica.open_name == glance.as_of
        )

    def _report(self, error: Exception) -> None:
        """Say that the records are damaged, or hold what no answer can bear."""
        if times := self._sparing.count():
            reason = f"{type(error).__name__}: {error}"
            log.error("cannot_answer", reason=reason, times=times)
