import os

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from domicile.service.counters import Counters, Family

FAMILIES = (
    Family("asked", "Questions.", "transport", ("udp", "tcp")),
    Family("open", "Connections.", gauge=True),
)


def test_the_rows_of_all_workers_are_summed():
    counters = Counters(FAMILIES, 2)
    tcp, opened = counters.place("asked", "tcp"), counters.place("open")
    counters.row(0).add(tcp)
    counters.row(1).add(tcp, 4)
    counters.row(1).add(opened, 2)
    counters.row(1).add(opened, -1)
    assert counters.total("asked", "tcp") == 5
    assert counters.total("asked", "udp") == 0
    assert counters.total("open") == 1


def test_what_a_killed_worker_counted_stays():
    counters = Counters(FAMILIES, 2)
    udp = counters.place("asked", "udp")
    for _ in range(2):
        child = os.fork()
        if child == 0:
            counters.row(1).add(udp, 3)
            os._exit(0)
        os.waitpid(child, 0)
    assert counters.total("asked", "udp") == 6


def test_metrics_have_each_value_from_the_start():
    counters = Counters(FAMILIES, 1)
    counters.row(0).set(counters.place("open"), 7)
    registry = CollectorRegistry()
    registry.register(counters)
    text = generate_latest(registry).decode()
    assert 'asked_total{transport="udp"} 0.0' in text
    assert "\nopen 7.0\n" in text


def test_only_what_was_laid_out_is_counted():
    with pytest.raises(KeyError):
        Counters(FAMILIES, 1).place("asked", "carrier pigeon")
