"""What a manager counts of sleep: who sleeps, falls asleep, is woken, waits to start."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.registry import Collector

from domicile.manager.activity import Activity
from domicile.manager.starting import Starts

_PREFIX = "domicile_manager"


class Counts(Collector):
    """The numbers of one manager, since its start."""

    def __init__(self, activity: Activity, starts: Starts) -> None:
        self._activity = activity
        self._starts = starts
        self.asleep = 0
        self.sleeps = 0
        self.wakes = 0
        self.ready = 0
        self.wake_seconds = 0.0

    @contextmanager
    def sleeping(self) -> Iterator[None]:
        """Count an app as asleep during the block."""
        self.asleep += 1
        try:
            yield
        finally:
            self.asleep -= 1

    def woke(self, seconds: float) -> None:
        """Count an app that was ready so long after somebody had asked for it."""
        self.ready += 1
        self.wake_seconds += seconds

    def collect(self) -> Iterable[Metric]:
        """Give the numbers to prometheus-client."""
        for name, text, gauge in (
            ("apps_asleep", "Apps that sleep now.", self.asleep),
            ("starts_waiting", "Apps that wait for their start.", self._starts.waiting),
            (
                "apps_kept_awake",
                "1 if no app may sleep, for a proxy is not heard.",
                bool(self._activity.unheard()),
            ),
        ):
            yield GaugeMetricFamily(f"{_PREFIX}_{name}", text, float(gauge))
        for name, text, count in (
            ("sleeps", "Times that an app fell asleep.", self.sleeps),
            ("wakes", "Times that an app was woken, ready yet or not.", self.wakes),
        ):
            yield CounterMetricFamily(f"{_PREFIX}_{name}", text, count)
        yield SummaryMetricFamily(
            f"{_PREFIX}_wake_seconds",
            "From a request for an app that sleeps until it was ready.",
            count_value=self.ready,
            sum_value=self.wake_seconds,
        )
