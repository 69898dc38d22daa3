"""An app answers where DNS says; plans place it, an operator overrides them."""

from domicile.demo.tour.expectation import expect
from domicile.demo.tour.stage import Stage

BY_PLAN, BY_HAND = "garden.ada", "terrace.ada"


def place_by_plan(stage: Stage) -> None:
    first, second, _ = stage.clusters
    for app, home in (("hello.ada", first), ("chat.bob", second)):
        stage.bring(app, home)
    stage.draw(stage.host_of("hello.ada"), None, first)
    planned = stage.deploy(BY_PLAN)
    if planned:
        expect(f"where {BY_PLAN} goes", planned["target"], first.name)
    stage.draw(stage.host_of(BY_PLAN), None, stage.home_of(BY_PLAN))
    stage.teller.checked(
        f"ada's plan is free, which {first.name} prefers: {BY_PLAN} was placed there."
    )
    planned = stage.deploy(BY_HAND, to=second)
    if planned:
        expect("the directory remarks on it", bool(planned["note"]), True)
        stage.teller.note(f"directory: {planned['note']}")
    stage.draw(stage.host_of(BY_HAND), None, second)
    stage.teller.checked(f"An operator wanted {BY_HAND} in {second.name}: so it is.")
