"""Messages of transfers, read by dnspython as a secondary reads them."""

import dns.message
import dns.name
import dns.query
import dns.rdatatype
import dns.tsigkeyring
import dns.xfr
import dns.zone
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domicile.dns.name import name_from_text
from domicile.dns.rdata import Rdtype, RRset
from domicile.dns.transfer import (
    Envelope,
    Piece,
    Step,
    bundled,
    differences,
    is_of_transfers,
    serial_of,
    split_records,
    whole_zone,
    with_serial,
    write_records,
)

APEX = name_from_text("apps.test")
SOA_DATA = name_from_text("ns1.apps.test") + name_from_text("mail.apps.test")
SOA = write_records(APEX, [RRset(APEX, Rdtype.SOA, 60, (SOA_DATA + bytes(20),))]).octets
ENVELOPE = Envelope(77, 0x0100, APEX, Rdtype.AXFR)


def node(name, *addresses):
    owner = name_from_text(name)
    rdatas = tuple(bytes(map(int, each.split("."))) for each in addresses)
    return write_records(APEX, [RRset(owner, Rdtype.A, 60, rdatas)])


def zone_of(messages, before=None, rdtype="AXFR", serial=None):
    zone = before or dns.zone.Zone("apps.test")
    with dns.xfr.Inbound(zone, dns.rdatatype.from_text(rdtype), serial) as inbound:
        done = False
        for each in messages:
            assert not done
            done = inbound.process_message(
                dns.message.from_wire(
                    each, xfr=True, origin=zone.origin, one_rr_per_rrset=True
                )
            )
        assert done
    return zone


def addresses(zone, name):
    return sorted(str(each) for each in zone.get_rdataset(name, "A"))


def test_a_whole_zone_is_read_as_it_was_written():
    names = [f"app{number}.ada" for number in range(2000)]
    soa = with_serial(SOA, 5)
    pieces = [node(f"{each}.apps.test", "192.0.2.1", "192.0.2.2") for each in names]
    pieces.append(
        Piece(
            1,
            write_records(
                APEX, [RRset(APEX, Rdtype.NS, 60, (name_from_text("ns.example"),))]
            ).octets,
        )
    )
    messages = [ENVELOPE.message(each) for each in bundled(whole_zone(soa, pieces))]
    assert len(messages) > 1
    assert all(len(each) < 17_000 for each in messages)
    zone = zone_of(messages)
    assert len(zone.nodes) == 2001
    assert addresses(zone, "app7.ada") == ["192.0.2.1", "192.0.2.2"]
    assert zone.get_rdataset("@", "SOA")[0].serial == 5


def test_differences_are_taken_in_step_by_step():
    first, second, third = (with_serial(SOA, number) for number in (1, 2, 3))
    old, new = node("a.apps.test", "192.0.2.1"), node("a.apps.test", "192.0.2.2")
    gone, come = node("b.apps.test", "192.0.2.3"), node("c.apps.test", "192.0.2.4")
    zone = zone_of(
        [ENVELOPE.message(each) for each in bundled(whole_zone(first, [old, gone]))]
    )
    steps = [
        Step(first, second, [old.octets], [new.octets]),
        Step(second, third, [gone.octets], [come.octets]),
    ]
    envelope = ENVELOPE._replace(rdtype=Rdtype.IXFR)
    # Messages of one record each, as badly cut as can be.
    messages = [
        envelope.message(each) for each in bundled(differences(third, steps), 1)
    ]
    zone_of(messages, zone, "IXFR", 1)
    assert addresses(zone, "a") == ["192.0.2.2"]
    assert addresses(zone, "c") == ["192.0.2.4"]
    assert zone.get_node("b") is None
    assert zone.get_rdataset("@", "SOA")[0].serial == 3


@given(
    st.lists(st.tuples(st.integers(0, 3), st.binary(max_size=40)), max_size=20),
    st.integers(1, 200),
)
def test_bundles_lose_nothing_and_are_as_long_as_allowed(records, limit):
    pieces = []
    for label, data in records:
        owner = (bytes([label]) + b"x" * label if label else b"") + APEX
        pieces.append(write_records(APEX, [RRset(owner, 99, 1, (data, data + b"y"))]))
    found = list(bundled(pieces, limit))
    assert b"".join(each.octets for each in found) == b"".join(
        each.octets for each in pieces
    )
    for each in found:
        assert len(split_records(each.octets)) == each.records
        assert len(each.octets) <= limit or each.records == 1


def test_a_serial_is_put_in_and_read():
    assert serial_of(with_serial(SOA, 2**32 - 1)) == 2**32 - 1
    assert len(with_serial(SOA, 1)) == len(SOA)


@pytest.mark.parametrize(
    ("rdtype", "signed", "wanted"),
    [
        ("AXFR", False, True), ("IXFR", True, True), ("SOA", True, False),
        ("SOA", False, False), ("A", True, False),
    ],
)  # fmt: skip
def test_what_secondaries_ask_is_known(rdtype, signed, wanted):
    query = dns.message.make_query("apps.test", rdtype)
    if signed:
        query.use_tsig(dns.tsigkeyring.from_text({"k.": "c2VjcmV0"}), "k.")
    assert is_of_transfers(query.to_wire()) is wanted


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        bytes(12),
        b"\0\0\x28\0\0\1" + bytes(6) + b"\0\0\xfc\0\1",
        b"\0\0\0\0\0\1" + bytes(6) + b"\xc0\x0c",
    ],
)
def test_what_is_no_question_is_none_of_theirs(packet):
    assert not is_of_transfers(packet)
