"""A whole message cut into its records, by dnspython's parser: for what is rarely sent.

What is said of the records is for others to judge; here only that they are there, whole,
and that there are no more of them than whoever asked allows.
"""

from enum import IntEnum
from typing import NamedTuple

import dns.exception
import dns.name
import dns.wire

from domicile.dns.message import HEADER
from domicile.errors import DomicileError


class FormError(DomicileError):
    """The octets are no message of the DNS."""


class TooManyRecords(FormError):
    """A section has more records than are read."""


class Section(IntEnum):
    """The sections behind the question; of an update as RFC 2136 2 names them."""

    PREREQUISITE = 1
    UPDATE = 2
    ADDITIONAL = 3


class Question(NamedTuple):
    """A name, type and class, without data."""

    name: dns.name.Name
    rdtype: int
    rdclass: int


class Record(NamedTuple):
    """A record; `start` is where it begins, and `data` where its data are."""

    section: Section
    start: int
    name: dns.name.Name
    rdtype: int
    rdclass: int
    ttl: int
    data: slice


class Whole(NamedTuple):
    """A message: its one question, where that ends, and its records."""

    packet: bytes
    question: Question
    question_end: int
    records: tuple[Record, ...]

    @property
    def id(self) -> int:
        return int.from_bytes(self.packet[:2], "big")

    def data_of(self, record: Record) -> bytes:
        return self.packet[record.data]

    def unsigned(self, start: int) -> bytes:
        """Give the octets without the last record, which begins at `start`."""
        *counts, additional = HEADER.unpack_from(self.packet)
        head = HEADER.pack(*counts, additional - 1)
        return head + self.packet[HEADER.size : start]


def read_sections(packet: bytes, most: int) -> Whole:
    """Cut a message that has a question and at most so many records a section.

    Raises FormError, TooManyRecords. Names are what takes time to read, and each has a bound.
    """
    parser = dns.wire.Parser(packet)
    try:
        _, _, questions, *counts = parser.get_struct(HEADER.format)
        if questions != 1:
            raise FormError
        if max(counts) > most:
            raise TooManyRecords
        question = Question(parser.get_name(), *parser.get_struct("!2H"))
        end = parser.current
        records = [
            _read_record(parser, section)
            for section, count in zip(Section, counts, strict=True)
            for _ in range(count)
        ]
    except dns.exception.DNSException as error:
        raise FormError from error
    if parser.remaining():
        raise FormError
    return Whole(packet, question, end, tuple(records))


def _read_record(parser: dns.wire.Parser, section: Section) -> Record:
    start = parser.current
    name = parser.get_name(decompress=True)
    rdtype, rdclass, ttl, size = parser.get_struct("!2HIH")
    at = parser.current
    parser.get_bytes(size)
    return Record(section, start, name, rdtype, rdclass, ttl, slice(at, at + size))
