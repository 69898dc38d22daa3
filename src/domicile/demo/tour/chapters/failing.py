"""A move that cannot succeed is undone, and nobody has noticed."""

from domicile.client.api import Refused
from domicile.demo.tour.crowd import Crowd
from domicile.demo.tour.expectation import Unexpected, expect
from domicile.demo.tour.stage import Stage

APP = "anchor.ada"


def undo_a_move(stage: Stage) -> None:
    first, second, _ = stage.clusters
    host = stage.host_of(APP)
    command = (
        f'[ "$DOMICILE_CLUSTER" = {first.name} ] || '
        '{ echo "there is no database in $DOMICILE_CLUSTER"; exit 3; }; '
        "exec python app.py"
    )
    stage.deploy(APP, to=first, command=command)
    before = stage.draw(host, None, first).says
    crowd = Crowd(stage.visitor, host, first)
    with crowd.asking():
        reason = _move_in_vain(stage)
    stage.teller.note(f"domicile: {reason}")
    expect("the app's own words in the reason", "no database" in reason, True)
    stage.show_crowd(crowd)
    served = set().union(*crowd.clusters.values())
    expect(f"clusters that served {APP}", served, {first.name})
    shown = stage.api.get(f"/apps/{APP}")
    expect(f"state of {APP}", shown["state"], "running")
    for at in (None, second):
        # The generation that an app says is the one that it was started at.
        says = stage.draw(host, at, first).says
        expect(f"what {APP} says after as before", says, before)
    stage.teller.checked(
        f"{APP} runs on in {first.name}, untouched: it was not even started again; and "
        f"{second.name} has a tombstone for whoever was told too early."
    )


def _move_in_vain(stage: Stage) -> str:
    """Give why the move failed; raises Unexpected where it did not."""
    _, second, _ = stage.clusters
    try:
        stage.move(APP, second)
    except Refused as refusal:
        return str(refusal)
    raise Unexpected(f"{APP} moved to {second.name}, where it cannot run")
