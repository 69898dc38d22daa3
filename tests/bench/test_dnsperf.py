"""What dnsperf prints is read, and what is no answer is no figure."""

import pytest

from domicile.bench.dnsperf import read
from domicile.bench.errors import CannotMeasure

PRINTED = """
  Queries sent:         1000
  Queries completed:    990 (99.00%)
  Queries lost:         10 (1.00%)

  Response codes:       NOERROR 100 (10.10%), NXDOMAIN 890 (89.90%)
  Queries per second:   123456.789
"""


def test_figures_are_read():
    assert read("nsd", PRINTED) == (990, 123456.789, 10)


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED"])
def test_a_server_that_does_not_know_its_names_is_not_measured(rcode):
    with pytest.raises(CannotMeasure, match=f"nsd answered {rcode} 890"):
        read("nsd", PRINTED.replace("NXDOMAIN", rcode))


def test_what_says_nothing_is_shown():
    with pytest.raises(CannotMeasure, match="dnsperf says nothing of nsd: oops"):
        read("nsd", "oops")
