"""People chat over WebSocket, also through a tombstone."""

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from domicile.demo.tour.expectation import Unexpected, expect, wait_until
from domicile.demo.tour.stage import Stage

APP = "chat.bob"

_SECONDS = 10.0


def chat_through_a_tombstone(stage: Stage) -> None:
    first, second, _ = stage.clusters
    host = stage.host_of(APP)
    stage.bring(APP, second)
    with (
        stage.visitor.chat(host, second) as ann,
        stage.visitor.chat(host, second) as ben,
    ):
        _say(ann, "hello, ben", hears=ben, cluster=second.name)
        stage.teller.draw([f"ann and ben ──> proxy in {second.name} ──> {APP}"])
        stage.teller.checked(f"What ann says in {second.name} ben hears.")
        stage.move(APP, first)
        wait_until(
            "the end of ann's connection to the copy that left", lambda: _over(ann)
        )
        stage.teller.note(
            f"they stayed longer than the {stage.plan.drain_seconds:g} s that requests "
            "have to end in: they are to connect again"
        )
    _meet_again(stage, host)


def _meet_again(stage: Stage, host: str) -> None:
    first, second, _ = stage.clusters
    before = stage.proxies.count()
    with (
        stage.visitor.chat(host, first) as ann,
        stage.visitor.chat(host, second) as ben,
    ):
        _say(ann, "are you still there, ben?", hears=ben, cluster=first.name)
        _say(ben, "I am, at the old address", hears=ann, cluster=first.name)
    wait_until(
        "the end of both chats among the counts",
        lambda: (
            stage.proxies.since(before)[second.name].ended > 0
            and stage.proxies.since(before)[first.name].ended > 1
        ),
    )
    forwards = stage.proxies.since(before)[second.name].forwards
    expect(f"connections that {second.name} passed on", forwards, 1)
    to, generation = stage.proxies.tombstone(second, host)
    stage.teller.draw(
        [
            f"ann ──> proxy in {first.name} ──> {APP}",
            f"ben ──> proxy in {second.name}",
            f"          └── link (tombstone, generation {generation}) ──> proxy in {to}",
            f"                └──> {APP}",
        ]
    )
    stage.teller.checked(
        f"ann is in {first.name}, ben at {second.name}'s old address: one room."
    )


def _say(
    who: ClientConnection, words: str, *, hears: ClientConnection, cluster: str
) -> None:
    who.send(words)
    for each in (who, hears):
        try:
            heard = each.recv(timeout=_SECONDS)
        except TimeoutError as error:
            raise Unexpected(f"{words!r} was not heard in {_SECONDS:g} s") from error
        expect("what is heard", heard, f"{cluster}: {words}")


def _over(connection: ClientConnection) -> bool:
    try:
        connection.recv(timeout=0)
    except ConnectionClosed:
        return True
    except TimeoutError:
        return False
    return False
