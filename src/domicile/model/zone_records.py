"""The records of zones, and of what is secret or short-lived in them.

A secret is sealed for its record (`model.sealing`).
"""

from enum import StrEnum
from typing import ClassVar

from domicile.model.record import Record


class ChallengeMode(StrEnum):
    """What a zone says at `_acme-challenge` of its names (RFC 8555 8.4).

    The values themselves; or an alias into a validation zone; or it is one itself: a
    zone whose names are challenges, and nothing else.
    """

    DIRECT = "direct"
    DELEGATE = "delegate"
    ONLY = "only"


class Zone(Record, frozen=True, omit_defaults=True):
    """A DNS zone under which apps get names.

    Where it delegates its challenges, that of a name is an alias of the name's own
    below the zone `validation`, ours or somebody else's.
    """

    kind: ClassVar[str] = "zone"

    name: str
    # Host name of each name server, with the addresses that are answered for it
    # where it lies inside the zone.
    nameservers: dict[str, tuple[str, ...]]
    landing: tuple[str, ...] = ()
    hostmaster: str = ""
    ttl: int = 60
    # Once it is signed: of nothing in it resolvers have more than that; and what the
    # parent gives its DS.
    longest_ttl: int = 3600
    ds_ttl: int = 86400
    challenges: ChallengeMode = ChallengeMode.DIRECT
    validation: str = ""

    @property
    def key(self) -> str:
        return self.name


class Challenge(Record, frozen=True, omit_defaults=True):
    """What is to be read as TXT at a name, for a certificate authority to find.

    Each of the values has the time, in seconds since 1970, until which it is answered.
    """

    kind: ClassVar[str] = "challenge"

    name: str
    values: dict[str, float]

    @property
    def key(self) -> str:
        return challenge_key(self.name)

    def live(self, now: float) -> tuple[str, ...]:
        return tuple(value for value, until in self.values.items() if now < until)


def challenge_key(name: str) -> str:
    """Give the key of a name: its labels from the root, so what is below it follows it."""
    return ".".join(reversed(name.split(".")))


class UpdateKey(Record, frozen=True, omit_defaults=True):
    """A key of transactions (RFC 8945), and for what it is good.

    `names` are those whose challenges may be updated by it, `transfers` the zones that
    may be transferred. Its secret is sealed for this record (`model.sealing`).
    """

    kind: ClassVar[str] = "update-key"

    name: str
    algorithm: str
    sealed: bytes
    names: tuple[str, ...] = ()
    transfers: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.name


class KeyRole(StrEnum):
    """What a zone's key is for: a CSK signs all, a KSK the keys, a ZSK the data."""

    CSK = "csk"
    KSK = "ksk"
    ZSK = "zsk"


class KeyState(StrEnum):
    """How far a key is in its life; `model.keyroll` says what each means."""

    INTRODUCED = "introduced"
    PUBLISHED = "published"
    READY = "ready"
    ACTIVE = "active"
    RETIRED = "retired"
    WITHDRAWN = "withdrawn"


class ZoneKey(Record, frozen=True, omit_defaults=True):
    """A key that signs a zone: `public` is the data of its DNSKEY record.

    It is in its state `since` then; at `known_at` every name server had it so, at
    `parent_at` the parent's DS was as wanted, 0 being not yet. The keys of a zone that
    goes insecure are all `leaving`.
    """

    kind: ClassVar[str] = "zone-key"

    zone: str
    tag: int
    role: KeyRole
    state: KeyState
    public: bytes
    sealed: bytes
    made_at: float
    since: float
    known_at: float = 0.0
    parent_at: float = 0.0
    leaving: bool = False

    @property
    def key(self) -> str:
        return f"{self.zone}/{self.tag}"

    @property
    def index_keys(self) -> tuple[str, ...]:
        return (self.zone,)


class CookieStage(StrEnum):
    """Whether the next secret is known beside the one that signs, or the last still is."""

    STEADY = "steady"
    INCOMING = "incoming"
    OUTGOING = "outgoing"


class CookieSecrets(Record, frozen=True, omit_defaults=True):
    """What DNS cookies are made of, sealed; the first signs (`model.cookieroll`)."""

    kind: ClassVar[str] = "cookie-secrets"

    sealed: tuple[bytes, ...]
    stage: CookieStage
    since: float

    @property
    def key(self) -> str:
        return COOKIES


COOKIES = "cookies"
