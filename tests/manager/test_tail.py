"""The end of a log, and what comes after it."""

import pytest

from domicile.manager.tail import MOST_LINES, Mark, read_on, tail


@pytest.mark.parametrize(
    ("text", "lines", "found"),
    [
        ("", 5, []),
        ("a\n", 5, ["a"]),
        ("a\n\nb\n", 2, ["", "b"]),
        ("a\nb", 1, ["b"]),
        ("a\u2028b\n", 1, ["a\u2028b"]),
        ("a\nb\n", 0, []),
        ("a\nb\n", -1, []),
    ],
)
def test_the_last_lines_are_given(tmp_path, text, lines, found):
    log = tmp_path / "log"
    log.write_text(text)
    assert tail(log, lines).lines == found


def test_of_a_long_log_the_end_is_read_and_no_line_is_given_in_part(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"x" * 700_000 + b"\n" + b"y" * 700_000 + b"\nlast \xff\n")
    assert tail(log, 10).lines == ["y" * 700_000, "last \ufffd"]


def test_nobody_gets_more_lines_than_a_page_can_hold(tmp_path):
    log = tmp_path / "log"
    log.write_text("a\n" * (MOST_LINES + 5))
    assert len(tail(log, 10**9).lines) == MOST_LINES


def test_what_is_written_after_a_mark_is_given_once_and_in_whole_lines(tmp_path):
    log = tmp_path / "log"
    log.write_text("one\ntwo\n")
    mark = tail(log, 1).end
    told = []
    for piece in ("", "three\nfo", "", "ur\n\n", "five"):
        with log.open("a") as file:
            file.write(piece)
        lines, mark = read_on(log, mark)
        told.append(lines)
    assert told == [[], ["three"], [], ["four", ""], []]


def test_of_what_came_since_a_mebibyte_is_given_at_a_time(tmp_path):
    log = tmp_path / "log"
    log.touch()
    mark = tail(log, 1).end
    log.write_bytes(b"y" * 700_000 + b"\n" + b"z" * 1_500_000 + b"\nlast\n")
    told = []
    while (found := read_on(log, mark)).lines:
        told += found.lines
        mark = found.end
    assert [len(each) for each in told] == [
        700_000,
        1024 * 1024,
        1_500_000 - 1024**2,
        4,
    ]


@pytest.mark.parametrize("size", [0, 100])
def test_a_mark_of_another_file_leads_nowhere(tmp_path, size):
    log, other = tmp_path / "log", tmp_path / "other"
    log.write_text("one\n")
    mark = tail(log, 1).end
    other.write_bytes(b"x" * size)
    other.rename(log)
    assert read_on(log, mark) is None


def test_a_file_that_was_cut_off_is_another(tmp_path):
    log = tmp_path / "log"
    log.write_text("one\n")
    mark = tail(log, 1).end
    log.write_text("")
    assert read_on(log, mark) is None


def test_a_mark_is_read_as_it_is_written():
    assert Mark.parse(str(Mark(12, 34))) == Mark(12, 34)
    for text in ("", "-", "1", "1-", "-1", "1-x", "1--1", "\u00b2-1"):
        assert Mark.parse(text) is None
