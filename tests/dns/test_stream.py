"""Messages over TCP, cut anywhere."""

from hypothesis import given
from hypothesis import strategies as st

from domicile.dns.stream import Deframer, frame


@given(st.lists(st.binary(max_size=30), max_size=6), st.integers(1, 7))
def test_messages_come_out_whole_and_in_order(messages, step):
    octets = b"".join(map(frame, messages))
    deframer = Deframer()
    received = []
    for at in range(0, len(octets), step):
        received += deframer.receive(octets[at : at + step])
    assert received == messages
    assert not deframer.in_midst


def test_pipelined_messages_come_out_at_once():
    deframer = Deframer()
    assert deframer.receive(frame(b"one") + frame(b"two") + b"\0") == [b"one", b"two"]
    assert deframer.in_midst
    assert deframer.receive(b"\1x") == [b"x"]
    assert not deframer.in_midst


def test_the_longest_message_fits():
    longest = bytes(65535)
    assert Deframer().receive(frame(longest)) == [longest]
