"""Packets that are no questions: FORMERR or silence, and the next one is answered."""

import socket
import struct

import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import pytest

HELLO = "hello.ada.apps.test"
QUESTION = struct.pack("!HH", dns.rdatatype.A, 1)
IDENT = 0x1234


def packet(body, *, flags=0x0100, questions=1):
    return struct.pack("!6H", IDENT, flags, questions, 0, 0, 0) + body


def name(*labels):
    return b"".join(bytes([len(each)]) + each for each in (*labels, b""))


GOOD = packet(name(b"hello", b"ada", b"apps", b"test") + QUESTION)

SILENT = {
    "nothing": b"",
    "one octet": b"\x12",
    "half a header": GOOD[:11],
    "an answer": packet(GOOD[12:], flags=0x8180),
}
FORMERR = {
    "a header alone": GOOD[:12],
    "half a name": GOOD[:20],
    "half a question": GOOD[:-1],
    "a pointer to itself": packet(b"\xc0\x0c" + QUESTION),
    "two pointers in a ring": packet(b"\xc0\x0e\xc0\x0c" + QUESTION),
    "a pointer forward": packet(b"\xc0\xff" + QUESTION),
    "a label of a reserved kind": packet(b"\x80hello\x00" + QUESTION),
    "a name of 256 octets": packet(name(*[b"x" * 62] * 4, b"yyy") + QUESTION),
    "what follows the question": GOOD + b"and more",
    "two questions": packet(GOOD[12:] * 2, questions=2),
    "no question": packet(b"", questions=0),
    "an additional record that is not there": GOOD[:11] + b"\x01" + GOOD[12:],
}


@pytest.fixture
def udp(demo):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.connect(("127.0.0.1", demo.ports["nameserver"]))
        opened.settimeout(10)
        yield opened


@pytest.fixture
def tcp(demo):
    place = ("127.0.0.1", demo.ports["nameserver"])
    with socket.create_connection(place, timeout=10) as opened:
        yield opened


def framed(data):
    return struct.pack("!H", len(data)) + data


def read_framed(connection):
    (length,) = struct.unpack("!H", connection.recv(2, socket.MSG_WAITALL))
    return connection.recv(length, socket.MSG_WAITALL)


@pytest.mark.parametrize("what", SILENT)
def test_what_could_go_round_for_ever_gets_silence(udp, what):
    udp.send(SILENT[what])
    udp.send(GOOD)
    assert dns.message.from_wire(udp.recv(4096)).rcode() == dns.rcode.NOERROR


@pytest.mark.parametrize("what", FORMERR)
def test_what_is_no_question_gets_formerr(udp, tcp, what):
    """In both transports, and no pointer is followed for ever."""
    udp.send(FORMERR[what])
    tcp.sendall(framed(FORMERR[what]))
    for reply in (udp.recv(4096), read_framed(tcp)):
        ident, flags = struct.unpack_from("!HH", reply)
        assert (ident, flags & 0xF) == (IDENT, dns.rcode.FORMERR)
        assert flags & dns.flags.QR
    udp.send(GOOD)
    tcp.sendall(framed(GOOD))
    for reply in (udp.recv(4096), read_framed(tcp)):
        assert dns.message.from_wire(reply).rcode() == dns.rcode.NOERROR


@pytest.mark.parametrize(
    ("opcode", "rcode"),
    [(dns.opcode.STATUS, dns.rcode.NOTIMP), (dns.opcode.NOTIFY, dns.rcode.REFUSED)],
)
def test_other_operations_are_not_for_us(demo, opcode, rcode):
    query = dns.message.make_query(HELLO, "A")
    query.set_opcode(opcode)
    assert demo.ask_dns(query).rcode() == rcode


@pytest.mark.parametrize("sent", [b"\x00", b"\xff\xff" + GOOD, b"\x00\x05" + GOOD[:3]])
def test_a_stream_that_breaks_off_hurts_nobody(demo, tcp, sent):
    tcp.sendall(sent)
    tcp.shutdown(socket.SHUT_WR)
    assert tcp.recv(1) == b""
    assert demo.resolve(HELLO)


@pytest.mark.parametrize(
    ("asked", "rcode"),
    [
        ("nobody.ada.apps.test", dns.rcode.NXDOMAIN),
        ("ada.apps.test", dns.rcode.NOERROR),
        (f"{'x' * 63}.ada.apps.test", dns.rcode.NXDOMAIN),
        ("hello.ada.apps.test.elsewhere", dns.rcode.REFUSED),
        (".", dns.rcode.REFUSED),
    ],
)
def test_a_name_that_is_nobodys_is_said_to_be_so(demo, asked, rcode):
    answer = demo.ask_dns(dns.message.make_query(asked, "A"))
    assert (answer.rcode(), answer.answer) == (rcode, [])
