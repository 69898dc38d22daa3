"""What operators collect of a follower: how far it is, and what it could not take in."""

from prometheus_client import CollectorRegistry, Gauge

from domicile.replica.follower import Follower
from domicile.replica.replica import Replica


def follower_metrics(
    service: str, replica: Replica, follower: Follower
) -> CollectorRegistry:
    """Give the gauges of a service's follower, `domicile_<service>_…`."""

    def arriving() -> float:
        arrival = follower.arrival
        if arrival is None:
            return 1.0
        done, in_all = arrival.came + arrival.written, 2 * arrival.expected
        return done / max(1, done, in_all)

    registry = CollectorRegistry()
    for name, text, value in (
        ("lag_seconds", "Since the last whole answer.", lambda: follower.lag),
        ("behind", "1 if newer records may be missing.", lambda: follower.behind),
        ("serial", "The replica's serial.", replica.serial),
        ("resyncs", "Times that all was asked for anew.", lambda: follower.resyncs),
        ("arriving", "Part of a snapshot taken in; 1: none comes.", arriving),
        ("audits", "Times it was held against the store.", lambda: follower.audits),
        ("reader_lag", "Writes since the oldest view.", lambda: follower.reader_lag),
        ("unreadable", "Records kept and not understood.", lambda: replica.unreadable),
    ):
        gauge = Gauge(f"domicile_{service}_{name}", text, registry=registry)
        gauge.set_function(value)
    return registry
