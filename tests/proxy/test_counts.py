"""What operators read of a proxy's workers."""

from prometheus_client import CollectorRegistry, generate_latest

from domicile.model.routing import HoldReason
from domicile.proxy.counts import Ending, lay_out


def told(counters):
    registry = CollectorRegistry()
    registry.register(counters)
    return generate_latest(registry).decode()


def test_workers_are_summed_by_what_became_of_their_requests():
    counters, tallies = lay_out(2)
    for tally in tallies:
        tally.answered(Ending.APP, 204)
        tally.answered(Ending.PAGE, 404)
        tally.ended(Ending.LEFT)
    tallies[0].forwarded()
    lines = told(counters).splitlines()
    assert 'domicile_proxy_requests_total{outcome="app"} 2.0' in lines
    assert 'domicile_proxy_requests_total{outcome="left"} 2.0' in lines
    assert 'domicile_proxy_responses_total{status="2xx"} 2.0' in lines
    assert 'domicile_proxy_responses_total{status="4xx"} 2.0' in lines
    assert "domicile_proxy_forwards_total 1.0" in lines


def test_a_worker_s_successor_has_nothing_open_and_all_that_was_counted():
    counters, (tally,) = lay_out(1)
    tally.connected(2)
    tally.in_flight(2)
    with tally.waiting(HoldReason.ASLEEP):
        assert "domicile_proxy_holds_waiting 1.0" in told(counters)
        tally.begin()
        assert "domicile_proxy_holds_waiting 0.0" in told(counters)
        assert "domicile_proxy_connections 0.0" in told(counters)
        assert "domicile_proxy_in_flight 0.0" in told(counters)
        assert 'domicile_proxy_holds_total{reason="asleep"} 1.0' in told(counters)
