"""Name servers that follow one directory know each other's cookies."""

import dns.message
import pytest

from domicile.dns.client import Client, Transport
from domicile.dns.responder import Server
from domicile.model.changes import NO_CHAIN, Change
from domicile.model.records import encode
from domicile.model.sealing import context_of, seal
from domicile.model.zone_records import COOKIES, CookieSecrets, CookieStage
from domicile.nameserver.replies import Own, Replies

UDP = Client(Transport.UDP, bytes((192, 0, 2, 1)))
KEY = bytes(range(32))
SHARED = bytes(range(16))


@pytest.fixture
def follow(replica):
    """Give the replica the directory's secret, sealed by a key."""

    def follow(secret, key=KEY):
        sealed = seal(key, secret, context_of(CookieSecrets.kind, COOKIES))
        record = CookieSecrets((sealed,), CookieStage.STEADY, 0.0)
        with replica.view() as view:
            serial = view.serial + 1
        change = Change(serial, record.kind, record.key, "", encode(record), NO_CHAIN)
        replica.apply([change], serial, NO_CHAIN)

    return follow


def server(replica, own_secret):
    identity = Server(secrets=(own_secret,))
    return Replies(replica, own=Own(identity=identity, sealing_key=KEY))


def cookie_from(replies, sent):
    option = dns.edns.GenericOption(10, sent)
    query = dns.message.make_query("apps.test", "A", use_edns=0, options=[option])
    with replies.batch() as reply:
        (found,) = dns.message.from_wire(reply(query.to_wire(), UDP)).options
    return found.to_wire()


def test_what_one_gave_the_other_knows(replica, follow):
    follow(SHARED)
    first, second = server(replica, b"a" * 16), server(replica, b"b" * 16)
    given = cookie_from(first, b"8 octets")
    assert cookie_from(second, given) == given


def test_a_new_secret_is_taken_at_once(replica, follow):
    replies = server(replica, b"a" * 16)
    follow(SHARED)
    given = cookie_from(replies, b"8 octets")
    follow(b"another one here")
    assert cookie_from(replies, given) != given


def test_without_one_each_has_its_own(replica, follow):
    first, second = server(replica, b"a" * 16), server(replica, b"b" * 16)
    follow(SHARED, key=bytes(32))
    given = cookie_from(first, b"8 octets")
    assert cookie_from(first, given) == given
    assert cookie_from(second, given) != given
