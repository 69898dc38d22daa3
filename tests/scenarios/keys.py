"""Keys of transactions (RFC 8945): as the directory has them, and what they sign."""

import time
from typing import NamedTuple

import dns.message
import dns.rcode
import dns.tsig
from zonekeys import SEALING_KEY

from domicile.model.sealing import context_of, seal
from domicile.model.zone_records import UpdateKey
from domicile.nameserver.transfers.signature import Signer

SECRET = b"s" * 32


def sealed(name, **good_for):
    """Make the record of a key that has our SECRET."""
    secret = seal(SEALING_KEY, SECRET, context_of(UpdateKey.kind, name))
    return UpdateKey(name, "hmac-sha256", secret, **good_for)


class Asked(NamedTuple):
    """What is sent, and what is needed to verify the reply."""

    octets: bytes
    key: dns.tsig.Key | None = None
    mac: bytes = b""

    def read(self, octets, **more):
        """Read a reply; where it is signed without an error, that has to be good."""
        message = dns.message.from_wire(octets, keyring=False, **more)
        if not message.had_tsig or message.tsig_error:
            return message
        return dns.message.from_wire(octets, self.key, request_mac=self.mac, **more)


def sign(message, how):
    """Sign by `key=`, if there is one.

    With `forged` it is by another secret; who is `late=` signed so many seconds ago.
    """
    octets = message.to_wire()
    if "key" not in how:
        return Asked(octets)
    secret = b"x" * 32 if "forged" in how else SECRET
    key = dns.tsig.Key(how["key"], secret, how.get("algorithm", "hmac-sha256"))
    then = int(time.time()) - int(how.get("late", 0))
    octets = Signer(key, b"", then).sign(octets)
    return Asked(octets, key, dns.message.from_wire(octets, keyring=False).mac)


def told_signature(message):
    """Say whether a reply is signed, and what its signature says is wrong."""
    if message.had_tsig:
        error = message.tsig_error
        said = dns.rcode.to_text(error, tsig=True) if error else "good"
        yield f"signature {said}{'' if message.mac else ', not signed'}"
