"""Messages over TCP, cut anywhere."""

from hypothesis import given
from hypothesis import strategies as st

from domicile.dns.stream import Deframer, frame


def receive(deframer, octets):
    deframer.receive(octets)
    messages = []
    while deframer.has_message:
        messages.append(deframer.take())
    assert deframer.take() is None
    return messages


@given(st.lists(st.binary(max_size=30), max_size=6), st.integers(1, 7))
def test_messages_come_out_whole_and_in_order(messages, step):
    octets = b"".join(map(frame, messages))
    deframer = Deframer()
    received = []
    for at in range(0, len(octets), step):
        received += receive(deframer, octets[at : at + step])
    assert received == messages
    assert not deframer.in_midst


def test_pipelined_messages_come_out_at_once():
    deframer = Deframer()
    assert receive(deframer, frame(b"one") + frame(b"two") + b"\0") == [b"one", b"two"]
    assert deframer.in_midst
    assert receive(deframer, b"\1x") == [b"x"]
    assert not deframer.in_midst


def test_the_longest_message_fits():
    longest = bytes(65535)
    assert receive(Deframer(), frame(longest)) == [longest]


def test_what_is_whole_waits_and_is_not_in_the_midst():
    deframer = Deframer()
    deframer.receive(frame(b"one") + frame(b"two")[:3])
    assert deframer.has_message
    assert not deframer.in_midst
    assert deframer.take() == b"one"
    assert not deframer.has_message
    assert deframer.in_midst
