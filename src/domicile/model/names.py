"""The names that owners and apps may bear, and the host names that follow from them.

An app answers to `<app>.<owner>.<zone>`, `<app>--<owner>.<zone>` and the permanent
`<id>.<zone>`. Owners and ids share one space of labels right under the zone; a name's
single inner hyphens make the `--` of the joined form unambiguous. Beside these it answers to
domains: host names of its owner's own, outside our zones.
"""

import re
from collections.abc import Iterable

import idna

from domicile.errors import DomicileError
from domicile.model.ids import looks_like_id

# 1–30 of a-z, 0-9 and single inner hyphens.
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LONGEST_NAME = 30
_LONGEST_LABEL = 63
A_LABEL = "xn--"

# RFC 952 and RFC 1123, section 2.1; lower case, as all names are kept here.
HOST_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
LONGEST_HOST = 253

JOINT = "--"

# Labels under a zone that people take for the provider's own. `_…` cannot be a name.
RESERVED = frozenset(
    {
        "abuse", "admin", "administrator", "api", "app", "apps", "autoconfig",
        "autodiscover", "cdn", "dashboard", "dns", "ftp", "help", "hostmaster",
        "imap", "info", "link", "localhost", "login", "mail", "mta-sts", "mx", "ns",
        "ns0", "ns1", "ns2", "ns3", "ns4", "pop", "pop3", "postmaster", "root",
        "security", "smtp", "ssl", "status", "support", "sysadmin", "test",
        "validation", "webmail", "webmaster", "whois", "wpad", "www",
    }
)  # fmt: skip


class BadName(DomicileError):
    """The name cannot be given to an app, an owner or a cluster."""


def check_app_name(name: str) -> str:
    """Return the name, or raise BadName saying which rule it breaks."""
    return _check(name, "app")


def check_owner_name(name: str) -> str:
    """Return the name, or raise BadName saying which rule it breaks."""
    _check(name, "owner")
    if looks_like_id(name):
        raise BadName(
            f"owner name {name!r} looks like an app id (26 of a–z and 2–7): "
            "choose another length"
        )
    if name in RESERVED:
        raise BadName(f"owner name {name!r} is reserved: choose another")
    return name


def check_cluster_name(name: str) -> str:
    """Return the name, or raise BadName saying which rule it breaks."""
    if name.startswith(A_LABEL):
        raise BadName(f"cluster name {name!r} must be of a-z, 0-9 and single hyphens")
    return _check(name, "cluster")


def check_domain(host: str, zones: Iterable[str]) -> str:
    """Return a host that may be linked beside these zones of ours; raises BadName."""
    if len(host) > LONGEST_HOST:
        raise BadName(
            f"domain {host[:40]!r}… has {len(host)} characters: "
            f"{LONGEST_HOST} are allowed"
        )
    labels = host.split(".")
    if not all(map(HOST_LABEL.fullmatch, labels)):
        raise BadName(f"domain {host!r} is not {_better(host)}")
    for label in labels:
        if label.startswith(A_LABEL):
            _check_a_label(label, f"{host}: label")
    # RFC 1123, section 2.1: "the highest-level component label will be alphabetic"
    if len(labels) < 2 or labels[-1].isdigit():
        raise BadName(
            f"domain {host!r} is an address or a single label: a host name of at "
            "least two labels is expected, such as www.ada.example"
        )
    for zone in zones:
        if host == zone or host.endswith(f".{zone}"):
            raise BadName(
                f"domain {host!r} lies in our zone {zone}, where names are given to "
                "apps and not linked"
            )
    return host


def _better(host: str) -> str:
    """Say what a host name would be, and how this one is to be written if we know."""
    expected = "a host name of a-z, 0-9, hyphens and dots, such as www.ada.example"
    try:
        written = idna.encode(host.rstrip("."), uts46=True).decode()
    except (idna.IDNAError, UnicodeError):
        return expected
    return f"{expected}: write {written!r}"


def _check(name: str, what: str) -> str:
    if name.startswith(A_LABEL):
        return _check_a_label(name, f"{what} name")
    if len(name) > _LONGEST_NAME:
        raise BadName(
            f"{what} name {name!r} has {len(name)} characters: "
            f"{_LONGEST_NAME} are allowed"
        )
    if not _NAME.fullmatch(name):
        raise BadName(
            f"{what} name {name!r} is not of 1 to {_LONGEST_NAME} a-z, 0-9 and single "
            "inner hyphens, such as my-app2"
        )
    return name


def _check_a_label(name: str, what: str) -> str:
    try:
        if (
            len(name) <= _LONGEST_LABEL
            and idna.alabel(idna.ulabel(name)) == name.encode()
        ):
            return name
    except idna.IDNAError:
        pass
    raise BadName(f"{what} {name!r} is not a valid IDN A-label (RFC 5891)")


def hosts_of(app: str, owner: str, app_id: str, zone: str) -> tuple[str, ...]:
    """Give the host names that the app answers to, in the zone, lower case."""
    permanent = f"{app_id}.{zone}"
    if not app:
        return (permanent,)
    dotted = f"{app}.{owner}.{zone}"
    if app.startswith(A_LABEL) or owner.startswith(A_LABEL):
        return dotted, permanent
    return dotted, f"{app}{JOINT}{owner}.{zone}", permanent


def split_joined(label: str) -> tuple[str, str] | None:
    """Split `<app>--<owner>`; None where the label is no joined name."""
    app, joint, owner = label.partition(JOINT)
    if not joint or not _NAME.fullmatch(app) or not _NAME.fullmatch(owner):
        return None
    return app, owner
