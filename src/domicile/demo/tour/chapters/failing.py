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
    crowd = Crowd(stage.visitor, host, first)
    with crowd.asking():
        says = _move_in_vain(stage)
    stage.teller.note(f"domicile: {says}")
    expect("the reason names the app's own words", "no database" in says, True)
    stage.show_crowd(crowd)
    kinds = {kind: served for kind, served in crowd.clusters.items() if served}
    expect("clusters that served", set().union(*kinds.values()), {first.name})
    shown = stage.api.get(f"/apps/{APP}")
    expect(f"state of {APP}", shown["state"], "running")
    stage.draw(host, None, first)
    stage.draw(host, second, first)
    stage.teller.checked(
        f"{APP} runs where it was, under a new generation; who asked meanwhile was "
        f"served in {first.name}."
    )


def _move_in_vain(stage: Stage) -> str:
    """Give why the move failed; raises Unexpected where it did not."""
    _, second, _ = stage.clusters
    try:
        stage.move(APP, second)
    except Refused as refusal:
        return str(refusal)
    raise Unexpected(f"{APP} moved to {second.name}, where it cannot run")
