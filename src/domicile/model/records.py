"""The records of the stores: small frozen structs, one kind each.

A record is stored as msgpack of its struct under `(kind, key)`. `scope` names the one
cluster that a record concerns, or is empty where it concerns every follower of its
kind; a feed filters by both. `index_keys` are what a store or a replica finds the
record by besides its key; where two records share one, the one written last is found.
`entries` are for replicas alone, where a look-up must be one step.

The directory's residence of an app in a cluster is what is *wanted* there; the
cluster's own residence is what *is* there, and that one is what its proxies follow.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar

import msgspec

from domicile.model.record import Record
from domicile.model.zone_records import (
    Challenge,
    CookieSecrets,
    UpdateKey,
    Zone,
    ZoneKey,
)


class Owner(Record, frozen=True, omit_defaults=True):
    """A person or team, in one zone for good."""

    kind: ClassVar[str] = "owner"

    name: str
    zone: str
    plan: str

    @property
    def key(self) -> str:
        return self.name


class Plan(Record, frozen=True, omit_defaults=True):
    """What owners of a plan get: their apps sleep after so many idle seconds, 0 never."""

    kind: ClassVar[str] = "plan"

    name: str
    sleep_seconds: float = 0.0

    @property
    def key(self) -> str:
        return self.name


class AppState(StrEnum):
    """What the directory wants of an app, or learned of it."""

    DEPLOYING = "deploying"
    RUNNING = "running"
    MOVING = "moving"
    STOPPED = "stopped"
    FAILED = "failed"
    DELETED = "deleted"


class App(Record, frozen=True, omit_defaults=True):
    """An app: its permanent id, its name among its owner's, its newest generation.

    `generation` is the highest that was ever taken, by moves that failed too.
    A deleted app whose name was given to another has the empty name.
    """

    kind: ClassVar[str] = "app"

    id: str
    name: str
    owner: str
    zone: str
    generation: int
    state: AppState
    release: str = ""
    detail: str = ""
    deleted_at: float = 0.0

    @property
    def key(self) -> str:
        return self.id

    @property
    def index_keys(self) -> tuple[str, ...]:
        return (name_key(self.owner, self.name),) if self.name else ()


def name_key(owner: str, app: str) -> str:
    """Give the key by which an app of that name is found."""
    return f"{owner}/{app}"


class Release(Record, frozen=True, omit_defaults=True):
    """What runs, immutable: the blob of its files and how to start them.

    `digest` is the SHA-256 of a gzipped tar in the blob store, in hex; `command` is a
    line for sh.
    """

    kind: ClassVar[str] = "release"

    id: str
    app: str
    digest: str
    command: str
    environment: dict[str, str] = msgspec.field(default_factory=dict)
    runtime: str = "process"
    size: int = 0

    @property
    def key(self) -> str:
        return self.id


HTTP_PORT = 80


class Cluster(Record, frozen=True, omit_defaults=True):
    """A failure domain, as the others see it.

    `addresses` are those of its load balancer (IPv4 and IPv6), `links` the
    `address:port` of its link listeners. An empty `accepts` accepts every plan;
    `capacity` is a number of apps, 0 for no limit. Its addresses are probed at `port`,
    and those that are `withdrawn` are answered to nobody (`model.health`). Of one that
    an operator has declared `lost` the `fallback` is answered, if there is any: the
    addresses of a page that says so. `alpn` is what its proxies speak over TLS
    (RFC 7301), none where they do not.
    """

    kind: ClassVar[str] = "cluster"

    name: str
    addresses: tuple[str, ...]
    links: tuple[str, ...]
    prefers: tuple[str, ...] = ()
    accepts: tuple[str, ...] = ()
    capacity: int = 0
    port: int = HTTP_PORT
    withdrawn: tuple[str, ...] = ()
    lost: bool = False
    fallback: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.name

    @property
    def answered(self) -> tuple[str, ...]:
        """The addresses that its apps' names are answered with."""
        if self.lost and self.fallback:
            return self.fallback
        if not self.withdrawn:
            return self.addresses
        return tuple(each for each in self.addresses if each not in self.withdrawn)


class Whereabouts(msgspec.Struct, frozen=True, array_like=True):
    """What a placement says to whoever asks by the app's name."""

    cluster: str
    generation: int
    moves_at: float = 0.0


class Placement(Record, frozen=True, array_like=True):
    """The directory's record of where an app lives, and of the name it has there.

    It is all that a name server knows of an app. A deleted one whose name was given to
    another has the empty name. `moves_at` is when a scheduled move is due, 0 for none.
    """

    kind: ClassVar[str] = "placement"

    app: str
    cluster: str
    generation: int
    name: str = ""
    owner: str = ""
    zone: str = ""
    moves_at: float = 0.0

    @property
    def key(self) -> str:
        return self.app

    @property
    def entries(self) -> Mapping[str, Whereabouts]:
        if not self.name:
            return {}
        where = Whereabouts(self.cluster, self.generation, self.moves_at)
        return {dotted_host(self.name, self.owner, self.zone): where}


def dotted_host(app: str, owner: str, zone: str) -> str:
    """Give the host by which a replica finds where an app of that name lives.

    The zone is in it, so that no app is ever found under another zone than its own.
    """
    return f"{app}.{owner}.{zone}"


class ResidenceState(StrEnum):
    """What a cluster says of an app: it lives here, waits, lives away, is gone."""

    HERE = "here"
    HELD = "held"
    AWAY = "away"
    GONE = "gone"


class Residence(Record, frozen=True, omit_defaults=True):
    """A cluster's one record of an app; `away` is a tombstone.

    `hosts` are the names that lead to it here. `release` is what the manager shall run
    (None: nothing), `port` the port that the app is known to open whatever PORT says,
    and `sleep_seconds` after how many idle seconds it sleeps (0: never); none of them
    is told to proxies.
    """

    kind: ClassVar[str] = "residence"

    app: str
    cluster: str
    generation: int
    state: ResidenceState
    to: str = ""
    hosts: tuple[str, ...] = ()
    name: str = ""
    release: Release | None = None
    port: int = 0
    sleep_seconds: float = 0.0

    @property
    def key(self) -> str:
        return f"{self.cluster}/{self.app}"

    @property
    def scope(self) -> str:
        return self.cluster

    @property
    def index_keys(self) -> tuple[str, ...]:
        return (*self.hosts, app_key(self.app))


def app_key(app: str) -> str:
    """Give the key by which what is an app's is found; no host name has an @."""
    return f"@{app}"


class EndpointState(StrEnum):
    """Whether the app's web server can be asked; asleep, it is started for a request."""

    STARTING = "starting"
    RUNNING = "running"
    ASLEEP = "asleep"
    STOPPED = "stopped"


class Endpoint(Record, frozen=True, omit_defaults=True):
    """Where the app's web server listens, inside its cluster."""

    kind: ClassVar[str] = "endpoint"

    app: str
    generation: int
    state: EndpointState
    address: str = ""
    port: int = 0

    @property
    def key(self) -> str:
        return self.app


class Domain(Record, frozen=True, omit_defaults=True):
    """A customer's own host name, linked to an app.

    It is `active`, and leads to the app, once its CNAME was seen to do so.
    """

    kind: ClassVar[str] = "domain"

    host: str
    app: str
    active: bool = False

    @property
    def key(self) -> str:
        return self.host

    @property
    def index_keys(self) -> tuple[str, ...]:
        return (app_key(self.app),)


class Authority(Record, frozen=True, omit_defaults=True):
    """Whom the links trust: the certificates of the private CA, newest first.

    A new epoch tells every proxy to have its link certificate issued anew.
    """

    kind: ClassVar[str] = "authority"

    name: str
    epoch: int
    bundle: tuple[str, ...]

    @property
    def key(self) -> str:
        return self.name


LINK_AUTHORITY = "link"


class Consent(Record, frozen=True, omit_defaults=True):
    """An operator's word that much may go: see `replica.guard`.

    `chains` has, by the name of each follower that held something back, the chain of
    what it holds: what follows on that is meant. `number` counts the consents.
    """

    kind: ClassVar[str] = "consent"

    name: str
    number: int
    chains: dict[str, bytes] = msgspec.field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.name


LOSS = "loss"


KINDS: dict[str, type[Record]] = {
    kind.kind: kind
    for kind in (
        Zone, Owner, Plan, App, Release, Cluster, Placement, Residence, Endpoint, Domain,
        Authority, Consent, Challenge, UpdateKey, ZoneKey, CookieSecrets,
    )
}  # fmt: skip

_encoder = msgspec.msgpack.Encoder()
_decoders: dict[str, msgspec.msgpack.Decoder[Any]] = {
    name: msgspec.msgpack.Decoder(kind) for name, kind in KINDS.items()
}


_ENTRIES: dict[str, msgspec.msgpack.Decoder[Any]] = {
    Placement.kind: msgspec.msgpack.Decoder(Whereabouts)
}


def encode(record: msgspec.Struct) -> bytes:
    """Write a record or an entry; of an array, without the defaults that end it."""
    if not record.__struct_config__.array_like:
        return _encoder.encode(record)
    values = list(msgspec.structs.astuple(record))
    for default in reversed(record.__struct_defaults__):
        if values[-1] != default:
            break
        values.pop()
    return _encoder.encode(values)


def decode(kind: str, value: bytes) -> Record | None:
    """Read a stored value; None where this version does not know the kind."""
    decoder = _decoders.get(kind)
    if decoder is None:
        return None
    record: Record = decoder.decode(value)
    return record


def decode_entry(kind: str, value: bytes) -> Any:
    """Read an entry of a record of that kind."""
    return _ENTRIES[kind].decode(value)
