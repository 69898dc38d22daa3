"""What all tests share: how long the long ones go on, and the figures they give."""

import signal

import pytest

# A script that runs tests in its background has SIGINT ignored, and what tests start
# would inherit that: nothing that is interrupted would end.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

_FIGURES = pytest.StashKey[list[tuple[str, object]]]()


def pytest_addoption(parser):
    parser.addoption(
        "--effort",
        type=int,
        default=1,
        metavar="N",
        help="how many times as far the tests marked `soak` go (default 1)",
    )
    parser.addoption(
        "--seed",
        type=int,
        default=1,
        metavar="N",
        help="which case comes first in tests that make theirs from seeds (default 1)",
    )


def pytest_configure(config):
    config.stash[_FIGURES] = []


def pytest_terminal_summary(terminalreporter, config):
    if figures := config.stash[_FIGURES]:
        terminalreporter.section("figures")
        for what, value in figures:
            terminalreporter.write_line(f"{what}: {value}")


@pytest.fixture(scope="session")
def effort(pytestconfig):
    """How far a test that could go on for ever goes: 1, and more with `make soak`."""
    return pytestconfig.getoption("effort")


@pytest.fixture(scope="session")
def seeds(pytestconfig, effort):
    """Give the seeds of so many cases, as often as the effort says."""
    first = pytestconfig.getoption("seed")

    def count(cases):
        return range(first, first + cases * effort)

    return count


@pytest.fixture(scope="session")
def figure(pytestconfig):
    """Note a figure, such as how many cases were tried; it is printed at the end."""

    def note(what, value):
        pytestconfig.stash[_FIGURES].append((what, value))

    return note
