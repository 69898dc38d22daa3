"""What one proxy tells another of a request."""

import pytest

from domicile.model.routing import Hop
from domicile.proxy.hop import BadHop, read_hop, write_hop

HOP = Hop("a" * 26, 7, "2001:db8::1", "https", "0" * 32)
GOOD = write_hop(HOP)


def test_what_is_written_is_read():
    assert read_hop([GOOD]) == HOP


@pytest.mark.parametrize(
    "values",
    [
        [],
        [GOOD, GOOD],
        [b""],
        [GOOD + b" "],
        [GOOD.replace(b"=7", b"=07")],
        [GOOD.replace(b"=7", b"=-7")],
        [GOOD.replace(b"https", b"ftp")],
        [GOOD.replace(b"2001:db8::1", b"1.2.3")],
        [GOOD.replace(b"a" * 26, b"a" * 25)],
        [GOOD.replace(b"0" * 32, b"0" * 31)],
    ],
)
def test_anything_else_is_refused(values):
    with pytest.raises(BadHop):
        read_hop(values)
