"""An app moves to and fro, and along a chain of clusters; nobody notices."""

from domicile.demo.tour.crowd import KINDS, Crowd
from domicile.demo.tour.expectation import expect, wait_until
from domicile.demo.tour.stage import Stage

APP = "hello.ada"

_MORE = 20


def move_to_and_fro(stage: Stage) -> None:
    first, second, _ = stage.clusters
    host = stage.host_of(APP)
    stage.bring(APP, first)
    stage.draw(host, None, first)
    before = stage.proxies.count()
    crowd = Crowd(stage.visitor, host, first)
    with crowd.asking():
        for to in (second, first):
            stage.move(APP, to)
            expect(f"address of {host}", stage.visitor.resolve(host), to.host)
            _let_them_ask(crowd)
    stage.show_crowd(crowd)
    for kind in KINDS:
        expect(
            f"clusters that served the client that {kind}",
            crowd.clusters[kind],
            {first.name, second.name},
        )
    passed = stage.proxies.since(before)
    forwards, held = (
        sum(getattr(each, key) for each in passed.values())
        for key in ("forwards", "holds")
    )
    expect("that tombstones led somebody on", forwards > 0, True)
    stage.teller.checked(
        f"To {second.name} and back, and no request failed: {forwards} went through a "
        f"tombstone, {held} were held for a moment."
    )
    stage.draw(host, None, first)
    stage.draw(host, second, first)
    stage.teller.checked(
        f"It is home again, and now {second.name} has the tombstone: nothing loops, for "
        "a forward carries its generation, and only a higher one leads further."
    )


def move_along_a_chain(stage: Stage) -> None:
    first, second, third = stage.clusters
    host = stage.host_of(APP)
    stage.bring(APP, first)
    waited: list[str] = []
    crowd = Crowd(stage.visitor, host, first)
    with crowd.asking():
        planned = stage.api.post(f"/apps/{APP}/moves", {"to": second.name})
        stage.teller.note(f"{APP} to {second.name} is planned; and at once again:")
        stage.move(APP, third, on_wait=waited.append)
        _let_them_ask(crowd)
    expect("times that the second move was told to wait", len(waited), 1)
    ended = stage.api.get(f"/moves/{planned['id']}")
    expect("the first move", ended["step"], "finished")
    stage.teller.checked(f"The second move waited: “{waited[0]}”.")
    stage.show_crowd(crowd)
    for at in (None, second, first):
        stage.draw(host, at, third)
    stage.teller.checked(
        f"{APP} went {first.name} → {second.name} → {third.name}; each move rewrites "
        "every tombstone, so from both it is one hop."
    )


def _let_them_ask(crowd: Crowd) -> None:
    """Go on when each client was served some more, wherever the app is now."""
    enough = [served + _MORE for served in crowd.served]
    wait_until(
        "more requests of every client",
        lambda: all(
            now >= then for now, then in zip(crowd.served, enough, strict=True)
        ),
    )
