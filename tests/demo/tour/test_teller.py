"""How the tour is told, on screens and in files."""

import io
from threading import Event

import pytest
from rich.console import Console

from domicile.demo.tour.teller import Teller


class Output(io.TextIOWrapper):
    """What a story is written to, in an encoding."""

    def __init__(self, encoding):
        super().__init__(io.BytesIO(), encoding=encoding, newline="\n")

    def text(self):
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)


def tell(encoding, story):
    output = Output(encoding)
    story(Teller(Console(file=output), Event()))
    return output.text()


def test_a_table_has_names_at_the_left_and_numbers_at_the_right():
    told = tell(
        "utf-8", lambda teller: teller.table(("who", "n"), [("a", 1), ("bc", 20)])
    )
    assert told == "    who   n\n    a     1\n    bc   20\n"


@pytest.mark.parametrize(("encoding", "mark"), [("utf-8", "✓ "), ("ascii", "+ ")])
def test_what_is_long_is_wrapped_under_its_mark(encoding, mark):
    told = tell(encoding, lambda teller: teller.checked("word " * 30)).splitlines()
    assert len(told) == 2
    assert told[0].startswith(f"  {mark}word word")
    assert told[1].startswith("    word word")
    assert max(map(len, told)) <= 80


def test_what_the_encoding_has_not_is_no_error():
    assert tell("ascii", lambda teller: teller.note("a–z └──>")) == "  . a?z `-->\n"


def test_a_number_keeps_its_unit():
    for length in range(60, 80):
        words = "x" * length + " 30 s"
        told = tell("utf-8", lambda teller, words=words: teller.say(words))
        assert "30 s" in told


def test_nothing_is_cut_or_marked_up_in_a_file():
    line = "[bold]" + "x" * 500
    assert tell("utf-8", lambda teller: teller.draw([line])) == f"    {line}\n"


def test_once_the_demo_ends_nothing_is_told():
    output, ending = Output("utf-8"), Event()
    teller = Teller(Console(file=output), ending)
    ending.set()
    teller.note("too late")
    assert output.text() == ""
