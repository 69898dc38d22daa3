"""Explain and status, by the command itself, on real services."""

import json
import signal
import time

import httpx
import pytest
from cryptography import x509

from domicile.cli.insight import WRONG


@pytest.fixture(scope="module")
def seen(hosting, folder):
    """An app that lives in birch and has a tombstone in amber."""
    app = hosting.ask("app", "deploy", "seen.ada", str(folder))
    hosting.run("app", "move", "seen.ada", "--to", "birch")
    return app


def test_a_host_is_explained_by_directory_name_server_proxy_and_tombstone(
    hosting, seen
):
    found = hosting.ask("explain", "seen.ada.apps.test")
    said = {each["who"]: each for each in found["statements"]}
    assert found["app"]["id"] == seen["id"]
    assert said["directory"]["says"] == "seen.ada is running, lives in birch"
    assert said["name server ns1"]["says"] == "127.0.0.1 (birch)"
    assert said["manager of amber"]["says"].startswith("away in amber's store")
    assert said["manager of birch"]["says"].startswith("here in birch's store")
    assert said["proxy proxy-amber of amber"]["says"] == (
        "tombstone: forwards to birch"
    )
    assert said["proxy proxy-birch of birch"]["says"].startswith(
        "serves: its app is at"
    )
    for each in said.values():
        assert (each["generation"], each["behind"]) == (2, False)
        assert each["serial"] > 0


def test_an_explanation_is_a_table_for_people(hosting, seen):
    head, *rows = hosting.run("explain", "seen.ada.apps.test").stdout.splitlines()
    assert head.split() == ["who", "serial", "generation", "behind", "says"]
    assert len(rows) == 6
    assert any("tombstone: forwards to birch" in row for row in rows)


def test_a_dead_proxy_is_a_line_of_the_explanation(hosting, seen):
    hosting.kill("proxy-amber", "amber-proxy", "amber-link", "amber-proxy-admin")
    try:
        found = hosting.ask("explain", "seen.ada.apps.test")
    finally:
        hosting.start_again("proxy-amber", "proxy")
        hosting.wait_until_answered(f"http://{hosting.at('amber-proxy')}/")
    said = {each["who"]: each for each in found["statements"]}
    assert "does not answer" in said["proxy proxy-amber of amber"]["says"]
    assert said["proxy proxy-amber of amber"]["serial"] is None
    assert said["proxy proxy-birch of birch"]["serial"] > 0


def test_the_status_shows_clusters_followers_and_apps(hosting, seen):
    found = hosting.ask("status")
    assert [each["name"] for each in found["clusters"]] == ["amber", "birch"]
    assert {each["name"] for each in found["followers"]} == {
        "nameserver/ns1/ns1", "cluster/amber/manager-amber",
        "cluster/birch/manager-birch",
    }  # fmt: skip
    assert found["apps"]["running"] >= 1


def test_the_status_begins_with_what_is_wrong(hosting, seen):
    hosting.kill("ns1", "ns1", "ns1-admin")
    try:
        while hosting.run("status", code=None).returncode != WRONG:
            time.sleep(0.5)
        problems = json.loads(hosting.run("status", "--json", code=WRONG).stdout)
        problems = problems["problems"]
        first, *_ = hosting.run("status", code=WRONG).stdout.splitlines()
    finally:
        hosting.start_again("ns1", "nameserver")
    assert problems[0].startswith("nameserver/ns1/ns1 is behind: nothing new for ")
    assert first.startswith("nameserver/ns1/ns1 is behind: nothing new for ")


def test_a_log_is_printed_from_its_end(hosting, seen):
    for _ in range(3):
        hosting.fetch("birch", "seen.ada.apps.test")
    lines = hosting.run("app", "logs", "seen.ada", "--lines", "2").stdout.splitlines()
    assert lines == ["asked for /"] * 2
    log = json.loads(hosting.run("app", "logs", seen["id"], "--json").stdout)
    assert (log["app"], log["cluster"]) == (seen["id"], "birch")
    assert log["lines"][-1] == "asked for /"


def test_what_befell_an_app_is_a_table_of_the_cluster_where_it_lives(hosting, seen):
    head, *rows = hosting.run("app", "events", "seen.ada").stdout.splitlines()
    assert head.split() == ["at", "event", "detail"]
    assert [row.split()[1] for row in rows] == ["started"]
    (row,) = hosting.ask("app", "events", seen["id"])["rows"]
    assert row.keys() == {"at", "event", "detail"}
    assert (
        "did you mean seen.ada?"
        in hosting.run("app", "events", "sen.ada", code=1).stderr
    )


def ask_for(hosting, cluster, path):
    url = f"http://{hosting.at(f'{cluster}-proxy')}{path}"
    httpx.get(url, headers={"Host": "told.ada.apps.test"}, timeout=20)


def test_a_log_is_followed_to_where_the_app_moves_and_back(hosting, folder):
    hosting.ask("app", "deploy", "told.ada", str(folder))
    ask_for(hosting, "amber", "/first")
    with hosting.begin("app", "logs", "told.ada", "-f", "--lines", "1") as followed:
        assert followed.stdout.readline() == "asked for /first\n"
        ask_for(hosting, "amber", "/second")
        assert followed.stdout.readline() == "asked for /second\n"
        for cluster in ("birch", "amber"):
            hosting.run("app", "move", "told.ada", "--to", cluster)
            assert followed.stderr.readline() == f"the log goes on in {cluster}\n"
            ask_for(hosting, cluster, f"/{cluster}")
            while (line := followed.stdout.readline()) != f"asked for /{cluster}\n":
                # By the manager; or the shell says that it was ended.
                assert line in {"asked for /\n", "Terminated\n"}
        ask_for(hosting, "amber", "/last")
        assert followed.stdout.readline() == "asked for /last\n"
        followed.send_signal(signal.SIGINT)
        assert followed.communicate(timeout=20) == ("", "")
    assert followed.returncode == 0


def test_a_log_is_followed_as_json_line_by_line_over_a_manager_that_restarts(
    hosting, folder
):
    app = hosting.ask("app", "deploy", "told2.ada", str(folder))
    with hosting.begin(
        "app", "logs", "told2.ada", "--follow", "--json"
    ) as followed:  # fmt: skip
        line = json.loads(followed.stdout.readline())
        assert line == {"app": app["id"], "cluster": "amber", "line": "asked for /"}
        hosting.kill("manager-amber", "amber-manager", "amber-admin")
        assert "waiting for it" in followed.stderr.readline()
        hosting.start_again("manager-amber", "manager")
        hosting.fetch("amber", "told2.ada.apps.test")
        while (told := json.loads(followed.stdout.readline())) != line:
            # By the shell of the app that its manager took with it.
            assert told["line"] == "Terminated"
        followed.send_signal(signal.SIGINT)
        followed.communicate(timeout=20)
    assert followed.returncode == 0


def test_the_links_authority_is_shown_and_rotated(hosting, seen):
    """Requests go through the link all the while."""
    before = hosting.ask("authority", "show")
    announced = hosting.ask("authority", "rotate")
    assert (announced["epoch"], announced["pending"]) == (1, 2)
    assert "epoch 2 signs as soon" in hosting.run("authority", "show").stdout
    while (after := hosting.ask("authority", "show"))["pending"]:
        assert hosting.fetch("amber", "seen.ada.apps.test").text == "birch"
    assert after["epoch"] == 2
    assert after["trusted"][1] == before["trusted"][0]
    while not all(issued_by(hosting, each, after) for each in ("amber", "birch")):
        assert hosting.fetch("amber", "seen.ada.apps.test").text == "birch"
    for _ in range(20):
        assert hosting.fetch("amber", "seen.ada.apps.test").text == "birch"


def issued_by(hosting, cluster, authority):
    """Whether the cluster's proxy has a certificate of the CA that signs now."""
    own = hosting.data / f"{cluster}-proxy" / "link.pem"
    certificate = x509.load_pem_x509_certificate(own.read_bytes())
    return certificate.issuer.rfc4514_string() == authority["trusted"][0]["subject"]
