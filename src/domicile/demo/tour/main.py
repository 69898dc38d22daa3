"""`domicile demo --tour`: a demo that ends as soon as its story is told."""

import tempfile
import threading
from pathlib import Path

import msgspec
from rich.console import Console

from domicile.config import load
from domicile.demo.customer import CustomerDns
from domicile.demo.main import Demo
from domicile.demo.plan import Plan
from domicile.demo.tour.places import tour_plan, where_free
from domicile.demo.tour.stage import Stage
from domicile.demo.tour.teller import Teller
from domicile.demo.tour.walk import TourFailed, walk
from domicile.host.services import Services

_INTRODUCTION = (
    "A directory, a name server and three clusters are started here, each cluster with "
    "a manager and two proxy workers. All that is told is done, over sockets, and "
    "checked; the route of a request is drawn as those tell it who saw it pass."
)


def take_tour(
    data: Path | None, config: Path | None, ready_file: Path | None, parent: int | None
) -> None:
    """Run the tour in the folder, or in one that goes with it."""
    if data is not None:
        _take(data, config, ready_file, parent)
        return
    with tempfile.TemporaryDirectory(
        prefix="domicile-tour-", ignore_cleanup_errors=True
    ) as folder:
        try:
            _take(Path(folder), config, ready_file, parent)
        except TourFailed as error:
            raise TourFailed(f"{error} (with --data DIR its logs stay)") from error


def _take(
    data: Path, config: Path | None, ready_file: Path | None, parent: int | None
) -> None:
    console = Console()
    teller = Teller(console, threading.Event())
    plan = tour_plan(load(config, Plan) if config else Plan())
    teller.title("The tour of Domicile")
    teller.say(_INTRODUCTION)
    if config is None:
        plan = where_free(plan, teller.note)

    with CustomerDns() as customer:
        plan = msgspec.structs.replace(plan, resolvers=(customer.address,))

        def guide(services: Services, ending: threading.Event) -> None:
            teller = Teller(console, ending)
            walk(Stage(plan, data.absolute(), services, customer, teller))

        Demo(plan, data, teller.note, guide).run(ready_file, parent)
