"""The end of a log."""

import pytest

from domicile.manager.tail import MOST_LINES, tail


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
    assert tail(log, lines) == found


def test_of_a_long_log_the_end_is_read_and_no_line_is_given_in_part(tmp_path):
    log = tmp_path / "log"
    log.write_bytes(b"x" * 700_000 + b"\n" + b"y" * 700_000 + b"\nlast \xff\n")
    assert tail(log, 10) == ["y" * 700_000, "last \ufffd"]


def test_nobody_gets_more_lines_than_a_page_can_hold(tmp_path):
    log = tmp_path / "log"
    log.write_text("a\n" * (MOST_LINES + 5))
    assert len(tail(log, 10**9)) == MOST_LINES
