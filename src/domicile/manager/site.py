"""What all residents of a manager share."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from domicile.manager.activity import Activity
from domicile.manager.counts import Counts
from domicile.manager.fetching import Releases
from domicile.manager.launch import START_SECONDS
from domicile.manager.starting import Starts
from domicile.manager.watch import Watch
from domicile.model.moves import Report
from domicile.store.feed import Feed
from domicile.store.store import Store


@dataclass(frozen=True, slots=True)
class Site:
    """The machine, the cluster's store and who follows it, and how long what may take."""

    host: str
    processes: Path
    store: Store
    feed: Feed
    releases: Releases
    tell: Callable[[Report], None]
    activity: Activity
    starts: Starts
    counts: Counts
    drain_seconds: float = 30.0
    start_seconds: float = START_SECONDS
    stop_seconds: float = 10.0
    watch: Watch = field(default_factory=Watch)
