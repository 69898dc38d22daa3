"""What the demo needs of this machine, looked at before anything starts."""

from collections.abc import Iterable
from contextlib import ExitStack

from domicile.demo.plan import Place
from domicile.errors import DomicileError
from domicile.service.sockets import CannotListen, PortTaken, taken_for_a_look


class NoPlace(DomicileError):
    """The demo cannot listen where it should."""


def check_places(places: Iterable[Place]) -> None:
    """Look whether every port is free; raises NoPlace for the first that is not."""
    with ExitStack() as held:
        for place in places:
            try:
                held.enter_context(taken_for_a_look(place.address, place.protocols))
            except (PortTaken, CannotListen) as error:
                raise NoPlace(
                    f"{place.what}: {error} (domicile demo --config FILE)"
                ) from error
