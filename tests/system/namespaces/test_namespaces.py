"""Each service reaches, and has, what is its own: that is enough, and it is all."""

import socket

import httpx
import pytest

from domicile.model.feed import CONTENT_TYPE, Ask, encode_ask
from domicile.model.records import KINDS, Endpoint, Residence
from domicile.replica.replica import Replica


def records_in(folder):
    replica = Replica.open(folder)
    with replica.view() as view:
        found = [record for kind in KINDS.values() for record in view.all(kind)]
    replica.close()
    return found


def bytes_in(folder):
    """Give all that lies there, what LMDB has forgotten included."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return b"".join(path.read_bytes() for path in files)


def reaches(hosting, source, target, port):
    place = hosting.switch.addresses[target], int(port)
    with hosting.switch.at(source):
        try:
            socket.create_connection(place, timeout=0.3).close()
        except TimeoutError:
            return False
    return True


def test_everything_works_where_each_reaches_only_what_is_its_own(hosting):
    """Deployed, resolved, fetched, moved, forwarded by a tombstone; nobody tries more."""
    before = hosting.switch.refused
    host = hosting.deploy("works", "ada")
    for home in ("amber", "birch", "amber"):
        if home != hosting.api.get("/apps/works.ada")["cluster"]:
            hosting.move("works.ada", home)
        assert hosting.resolve(host) == hosting.place(home)[0]
        for at in (None, home):
            answer = hosting.fetch(host, at)
            assert (answer.status_code, answer.headers["cluster"]) == (200, home)
    assert hosting.fetch(host, "birch").headers["cluster"] == "amber"
    assert hosting.switch.refused == before
    assert hosting.refused_at_first == 0


@pytest.mark.parametrize(
    ("target", "port"),
    [
        ("directory", "8053"), ("names", "53"), ("birch", "8081"), ("birch", "9000"),
        ("birch", "20000"), ("birch-proxy", "80"), ("birch-proxy", "9000"),
        ("amber", "9000"), ("client", "22"),
    ],
)  # fmt: skip
def test_a_proxy_of_amber_reaches_nothing_else(hosting, target, port):
    """The rules above are rules: what they do not name is refused."""
    assert not reaches(hosting, "amber-proxy", target, port)
    assert reaches(hosting, "amber-proxy", "amber", "8081")


@pytest.mark.parametrize(("cluster", "other"), [("amber", "birch"), ("birch", "amber")])
def test_a_proxy_has_its_own_clusters_records_and_nothing_else(
    hosting, apps, cluster, other
):
    folder = hosting.folder / f"{cluster}-proxy"
    records = records_in(folder / "replica")
    kinds = {record.kind for record in records}
    assert kinds == {"residence", "endpoint", "cluster", "authority"}
    residences = [each for each in records if isinstance(each, Residence)]
    assert {each.cluster for each in residences} == {cluster}
    assert not any(each.release or each.port for each in residences)
    endpoints = [each for each in records if isinstance(each, Endpoint)]
    assert {each.address for each in endpoints} == {hosting.switch.addresses[cluster]}
    lying = bytes_in(folder)
    assert hosting.switch.addresses[cluster].encode() in lying
    assert hosting.switch.addresses[other].encode() not in lying
    for secret in (hosting.secret, "SECRET", "app.py", *hosting.tokens.values()):
        assert secret.encode() not in lying


def test_a_name_server_has_what_it_answers_from_and_nothing_else(hosting, apps):
    folder = hosting.folder / "names"
    kinds = {record.kind for record in records_in(folder)}
    assert kinds == {"zone", "owner", "placement", "cluster", "cookie-secrets"}
    lying = bytes_in(folder)
    for secret in (hosting.secret, "SECRET", "app.py", *hosting.tokens.values()):
        assert secret.encode() not in lying
    for cluster in ("amber", "birch"):
        # Its apps' endpoints are there.
        assert hosting.switch.addresses[cluster].encode() not in lying


def test_a_manager_has_what_is_wanted_of_its_own_cluster(hosting, apps):
    records = records_in(hosting.folder / "amber" / "directory")
    residences = [each for each in records if isinstance(each, Residence)]
    assert {each.cluster for each in residences} == {"amber"}
    assert any(each.release for each in residences)
    lying = bytes_in(hosting.folder / "amber")
    assert hosting.secret.encode() in lying
    for token in hosting.tokens.values():
        assert token.encode() not in lying


@pytest.mark.parametrize("kind", ["owner", "app", "placement", "release", "zone"])
def test_a_proxy_that_asks_its_manager_for_more_is_refused(hosting, kind):
    token = hosting.tokens["amber-proxy"]
    with hosting.switch.at("amber-proxy"):
        answer = httpx.post(
            f"http://{hosting.switch.addresses['amber']}:8081/v1/feed",
            content=encode_ask(Ask("spy", (kind,), cluster="amber")),
            headers={"Authorization": f"Bearer {token}", "Content-Type": CONTENT_TYPE},
            trust_env=False,
        )
    assert answer.status_code == 403


def answers_of(hosting, apps):
    return [
        hosting.fetch(host, at).headers["cluster"]
        for host in apps.values()
        for at in (None, "amber", "birch")
    ]


@pytest.fixture
def clients(hosting, hammer, apps):
    """Those who ask DNS each time, and those who come by tombstones."""
    hosts = [(host, method) for host in apps.values() for method in ("GET", "POST")]

    def resolved(host):
        return hosting.resolve(host), hosting.place("amber")[1]

    return [
        hammer(resolved, hosts),
        *(
            hammer(lambda _, at=at: hosting.place(at), hosts)
            for at in ("amber", "birch")
        ),
    ]


def end(clients):
    for client in clients:
        client.end()
    assert [client.failures for client in clients] == [[]] * len(clients)
    return sum(len(client.answers) for client in clients)


def test_without_the_directory_all_that_is_known_goes_on(
    hosting, apps, clients, figure
):
    """Its packets vanish: nobody is told that it is gone."""
    before = answers_of(hosting, apps)
    hosting.switch.part_from_all("directory")
    hosting.wait_until(lambda: not hosting.is_well("names"))
    assert answers_of(hosting, apps) == before
    assert hosting.ask_dns("nobody.ada.apps.test").authority[0].ttl == 5
    # Their managers are there: what is not known is known not to be.
    assert hosting.fetch("nobody.ada.apps.test", "amber").status_code == 404
    hosting.switch.heal()
    hosting.wait_until(lambda: hosting.is_well("names"))
    figure("requests without a directory, none failed", end(clients))


@pytest.mark.parametrize(
    ("lost", "step"), [("source", "settling"), ("target", "preparing")]
)
def test_a_move_waits_for_a_cluster_that_is_cut_off_and_heals_by_itself(
    hosting, apps, clients, figure, lost, step
):
    """The cluster serves what it had, and nobody asks it for what it may not know."""
    source = hosting.api.get("/apps/hello.ada")["cluster"]
    target = "amber" if source == "birch" else "birch"
    home = source if lost == "target" else target
    hosting.switch.part(source if lost == "source" else target, "directory")
    move = hosting.plan_move("hello.ada", target)
    hosting.wait_until(lambda: hosting.step(move) == step)
    place = hosting.place(home)[0]
    hosting.wait_until(lambda: hosting.resolve(apps["hello"]) == place)
    served = {
        hosting.fetch(apps["hello"], at).headers["cluster"] for at in ("amber", "birch")
    }
    assert served == {source, home}
    assert hosting.step(move) == step
    hosting.switch.heal()
    hosting.wait_until(lambda: hosting.step(move) == "finished")
    for at in (None, "amber", "birch"):
        assert hosting.fetch(apps["hello"], at).headers["cluster"] == target
    figure(f"requests while a move's {lost} was cut off, none failed", end(clients))


def test_a_proxy_without_its_cluster_still_forwards(hosting, apps, hammer, figure):
    """To its manager and its apps nothing passes, and of other apps it says no no."""
    home = hosting.api.get("/apps/hello.ada")["cluster"]
    late = "amber" if home == "birch" else "birch"
    client = hammer(lambda _: hosting.place(late), [(apps["hello"], "POST")])
    hosting.switch.part(late, f"{late}-proxy")
    hosting.wait_until(lambda: not hosting.is_well(f"{late}-proxy"))
    unknown = hosting.fetch("nobody.ada.apps.test", late)
    assert (unknown.status_code, int(unknown.headers["retry-after"]) > 0) == (503, True)
    assert hosting.fetch(apps["hello"], late).headers["cluster"] == home
    hosting.switch.heal()
    hosting.wait_until(lambda: hosting.is_well(f"{late}-proxy"))
    assert hosting.fetch("nobody.ada.apps.test", late).status_code == 404
    client.end()
    assert client.failures == []
    figure("requests forwarded by a proxy without its cluster", len(client.answers))
