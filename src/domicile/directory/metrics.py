"""What operators collect of the directory: its serial, and how far each follower is."""

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from domicile.store.feed import Feed
from domicile.store.store import Store


class _Followers(Collector):
    """Looks at the feed whenever somebody collects."""

    def __init__(self, store: Store, feed: Feed) -> None:
        self._store = store
        self._feed = feed

    def collect(self) -> Iterable[Metric]:
        serial = GaugeMetricFamily(
            "domicile_directory_serial", "The serial of the last change."
        )
        serial.add_metric([], self._store.serial)
        yield serial
        feed = self._feed
        for name, text, value in (
            ("serial", "What it has acknowledged.", lambda each: each.serial),
            ("silence_seconds", "Since it asked last.", feed.silence_of),
            ("behind", "1 if it has not asked for too long.", feed.is_behind),
        ):
            gauge = GaugeMetricFamily(
                f"domicile_directory_follower_{name}", text, labels=["follower"]
            )
            for each in feed.followers:
                gauge.add_metric([each.name], value(each))
            yield gauge


def registry_of(store: Store, feed: Feed) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(_Followers(store, feed))
    return registry
