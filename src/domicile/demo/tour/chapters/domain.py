"""A customer's own host name leads to its app, wherever that is."""

from domicile.client.api import Json
from domicile.demo.plan import ClusterPlan
from domicile.demo.tour.crowd import KEPT, STALE, Crowd
from domicile.demo.tour.expectation import expect, wait_until
from domicile.demo.tour.stage import Stage

APP = "hello.ada"
HOST = "www.ada.example"


def link_a_domain(stage: Stage) -> None:
    first, second, _ = stage.clusters
    stage.bring(APP, first)
    _forget_an_earlier_tour(stage)
    linked = stage.api.post("/domains", {"host": HOST, "app": APP})
    stage.teller.note(f"ada is to set: {HOST} {linked['wanted']}")
    _prove_it(stage, linked["wanted"])
    _wait_for(stage, first, 200)
    _draw(stage, linked["wanted"])
    crowd = Crowd(stage.visitor, HOST, first, (STALE, KEPT))
    with crowd.asking():
        stage.move(APP, second)
        wait_until("requests in both clusters", lambda: _were_in(crowd, first, second))
    stage.show_crowd(crowd)
    stage.draw(HOST, first, second)
    _draw(stage, linked["wanted"])
    stage.teller.checked(
        f"It moved with {APP}: the CNAME names the permanent host, whose answer follows "
        "the app, and the tombstone knows the domain too."
    )
    _check(stage, "unlink")
    for each in (first, second):
        _wait_for(stage, each, 404)
    stage.teller.checked("Unlinked, it is 404 in both, and ada may link it again.")


def _forget_an_earlier_tour(stage: Stage) -> None:
    if any(each["host"] == HOST for each in stage.api.get("/domains")["rows"]):
        _check(stage, "unlink")


def _prove_it(stage: Stage, wanted: str) -> None:
    """Check the domain before and after its record is set."""
    unseen = _check(stage)
    expect("whether it is active before its record is there", unseen["active"], False)
    stage.teller.note(f"seen: {unseen['why']}")
    stage.customer.set(HOST, wanted)
    seen = _check(stage)
    expect("the records that were seen", seen["seen"], [wanted])
    expect("whether it is active", seen["active"], True)
    stage.teller.checked(
        "The record was seen, and proves whose host it is: nobody else can set it, and "
        "it names this one app."
    )


def _check(stage: Stage, verb: str = "check") -> Json:
    path = f"/domains/{HOST}/{verb}"
    return stage.api.post_after_moves(path, {}, stage.teller.note)


def _wait_for(stage: Stage, cluster: ClusterPlan, status: int) -> None:
    # The proxies have it a moment after the manager.
    wait_until(
        f"{status} for {HOST} in {cluster.name}",
        lambda: stage.visitor.fetch(HOST, cluster).status_code == status,
    )


def _were_in(crowd: Crowd, *clusters: ClusterPlan) -> bool:
    names = {each.name for each in clusters}
    return all(served == names for served in crowd.clusters.values())


def _draw(stage: Stage, wanted: str) -> None:
    permanent = wanted.removeprefix("CNAME ")
    address = stage.visitor.resolve(permanent)
    cluster = stage.visitor.cluster_at(address)
    expect(f"the cluster that {HOST} leads to", cluster, stage.home_of(APP))
    answer = stage.visitor.fetch(HOST, cluster)
    expect(f"the cluster that served {HOST}", answer.headers["Cluster"], cluster.name)
    stage.teller.draw(
        [
            f"client ── ada's DNS: {HOST}? ──> {wanted}",
            f"  └── DNS: {permanent}? ──> {address} ({cluster.name})",
            f"        └── GET / ──> proxy in {cluster.name} ──> {answer.text.strip()}",
        ]
    )
