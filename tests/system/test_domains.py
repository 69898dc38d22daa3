"""A customer's own host name leads to its app, wherever that is and while it moves."""

import dns.rcode
import pytest
from waiting import wait_until

HOST = "www.ada.example"


@pytest.fixture(scope="module")
def own(demo):
    """An app of ada's, as it is shown."""
    demo.deploy("own.ada")
    return demo.run("app", "show", "own.ada")


@pytest.fixture
def wanted(demo, own):
    """The record that leads the host to the app, which is linked and unlinked again."""
    linked = demo.run("domain", "link", HOST, "own.ada")
    yield linked["wanted"]
    if demo.run("domain", "list")["rows"]:
        demo.run("domain", "unlink", HOST)
    demo.customer.clear()


def until_answered(demo, status, clusters=("amber", "birch")):
    for cluster in clusters:
        wait_until(lambda at=cluster: answered(demo, at) == status)


def answered(demo, cluster):
    return demo.fetch(HOST, at=cluster).status_code


def test_a_domain_leads_to_its_app_before_during_and_after_a_move(
    demo, own, wanted, hammer
):
    assert wanted == f"CNAME {own['id']}.apps.test"
    assert not demo.run("domain", "check", HOST)["active"]
    assert answered(demo, "amber") == answered(demo, "birch") == 404

    pid = demo.fetch(own["hosts"][0], "/pid").text
    demo.customer.set(HOST, wanted)
    assert demo.run("domain", "check", HOST)["active"]
    home, other = demo.home_and_other("own.ada")
    until_answered(demo, 200, [home])
    assert demo.fetch(HOST, "/pid", at=home).text == pid, "the app goes on as it is"

    hosts = [(HOST, "GET"), (HOST, "POST")]
    early = [
        hammer(lambda _: demo.place(home), hosts),
        hammer(lambda _: demo.place(home), hosts, kept=True),
    ]
    demo.move("own.ada", other)
    late = hammer(lambda _: demo.place(other), hosts)
    demo.move("own.ada", home)
    demo.move("own.ada", other)
    for each in (*early, late):
        each.end()
        assert each.failures == []
        assert each.clusters() == {"amber", "birch"}

    explained = demo.run("explain", HOST)
    assert explained["app"]["id"] == own["id"]
    demo.run("domain", "unlink", HOST)
    until_answered(demo, 404)


def test_a_domain_that_is_linked_after_a_move_is_forwarded_by_the_tombstone(
    demo, own, wanted
):
    home, other = demo.home_and_other("own.ada")
    demo.move("own.ada", other)
    demo.customer.set(HOST, wanted)
    assert demo.run("domain", "check", HOST)["active"]
    until_answered(demo, 200)
    assert demo.fetch(HOST, at=home).headers["cluster"] == other


def test_a_resolver_that_fails_takes_no_domain_away(demo, own, wanted):
    demo.customer.set(HOST, wanted)
    assert demo.run("domain", "check", HOST)["active"]
    until_answered(demo, 200)
    demo.customer.rcode = dns.rcode.SERVFAIL
    try:
        sight = demo.run("domain", "check", HOST)
    finally:
        demo.customer.rcode = None
    assert sight["active"]
    assert "cannot tell" in sight["why"]
    assert answered(demo, "amber") == answered(demo, "birch") == 200
