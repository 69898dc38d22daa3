"""What operators collect of a store: its serial, and how far each follower is."""

from collections.abc import Iterable

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from domicile.store.feed import Feed
from domicile.store.store import Store


class StoreCollector(Collector):
    """Looks at a service's store and feed whenever somebody collects."""

    def __init__(self, service: str, store: Store, feed: Feed) -> None:
        self._prefix = f"domicile_{service}"
        self._store = store
        self._feed = feed

    def collect(self) -> Iterable[Metric]:
        serial = GaugeMetricFamily(
            f"{self._prefix}_store_serial", "The serial of the last change."
        )
        serial.add_metric([], self._store.serial)
        yield serial
        feed = self._feed
        for name, text, value in (
            ("serial", "What it has acknowledged.", lambda each: each.serial),
            (
                "silence_seconds",
                "Since it had an answer that it took in.",
                feed.silence_of,
            ),
            ("behind", "1 if it has had none for too long.", feed.is_behind),
        ):
            gauge = GaugeMetricFamily(
                f"{self._prefix}_follower_{name}", text, labels=["follower"]
            )
            for each in feed.followers:
                gauge.add_metric([each.name], value(each))
            yield gauge
