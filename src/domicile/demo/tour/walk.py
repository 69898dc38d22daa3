"""The walk through the chapters, and what it came to."""

import time
from collections.abc import Mapping

from domicile.demo.tour.chapters import CHAPTERS, Chapter
from domicile.demo.tour.proxies import Counted
from domicile.demo.tour.stage import Stage
from domicile.errors import DomicileError

_NEXT = (
    "make run         such a demo, to stay: README.md has lines to paste",
    "domicile --help  every verb; ARCHITECTURE.md tells how all hangs together",
)


class TourFailed(DomicileError):
    """A chapter did not go as it was told."""


def walk(stage: Stage) -> None:
    """Play every chapter, and sum up; raises TourFailed."""
    began = time.monotonic()
    before = stage.proxies.count()
    for number, chapter in enumerate(CHAPTERS, start=1):
        stage.teller.title(f"{number} of {len(CHAPTERS)}: {chapter.title}")
        stage.teller.say(chapter.tells)
        try:
            chapter.play(stage)
        except DomicileError as error:
            raise TourFailed(_failure(stage, chapter, error)) from error
    _sum_up(stage, stage.proxies.since(before), time.monotonic() - began)
    stage.close()


def _failure(stage: Stage, chapter: Chapter, error: DomicileError) -> str:
    """Say what was not as told; who has died meanwhile may be the reason."""
    dead = "".join(
        f"; {name} ended with status {status}"
        for name, status in stage.services.ended()
    )
    return f"the tour failed in “{chapter.title}”: {error}{dead}"


def _sum_up(stage: Stage, counted: Mapping[str, Counted], seconds: float) -> None:
    """Tell the counts; who came directly is who came over no link."""
    teller, visitor = stage.teller, stage.visitor
    served, linked, pages, held = (
        sum(getattr(each, key) for each in counted.values())
        for key in ("app", "link", "page", "holds")
    )
    teller.title("What it came to")
    teller.table(
        ("questions to the name server", str(visitor.questions)),
        [
            ("requests to proxies", visitor.requests),
            ("  served directly", served - linked),
            ("  served through a tombstone", linked),
            ("  answered by a page: 400, 404, 410, 503", pages),
            ("  held for a moment, and then served", held),
        ],
    )
    teller.checked(f"failed: {visitor.failed}, in {seconds:.0f} s")
    teller.say("What to try next:")
    teller.draw(_NEXT)
