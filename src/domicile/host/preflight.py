"""What is needed of this machine, looked at before anything starts."""

from collections.abc import Iterable
from contextlib import ExitStack

from domicile.errors import DomicileError
from domicile.host.parts import Place
from domicile.service.sockets import CannotListen, PortTaken, taken_for_a_look


class NoPlace(DomicileError):
    """A part cannot listen where it should."""


def check_places(places: Iterable[Place], configured: str) -> None:
    """Look whether every port is free; raises NoPlace for the first that is not.

    `configured` says where another one can be named.
    """
    with ExitStack() as held:
        for place in places:
            try:
                held.enter_context(taken_for_a_look(place.address, place.protocols))
            except PortTaken as error:
                raise NoPlace(f"{place.what}: {error} ({configured})") from error
            except CannotListen as error:
                raise NoPlace(
                    f"{place.what}: {error}{place.hint} ({configured})"
                ) from error
