"""What does not hold is said, with what was expected and what was seen."""

import pytest

from domicile.demo.tour import expectation
from domicile.demo.tour.expectation import Unexpected, expect, wait_until


def test_what_holds_is_passed():
    expect("sum", 1 + 1, 2)
    wait_until("truth", iter([False, True]).__next__)


def test_what_does_not_hold_is_told():
    with pytest.raises(Unexpected) as caught:
        expect("address of hello", "127.0.0.11", "127.0.0.12")
    said = "address of hello: expected was '127.0.0.12', seen was '127.0.0.11'"
    assert str(caught.value) == said


def test_what_never_holds_is_not_waited_for_without_end(monkeypatch):
    monkeypatch.setattr(expectation, "_PATIENCE", 0.0)
    with pytest.raises(Unexpected, match="the end: expected within 0 s"):
        wait_until("the end", lambda: False)
