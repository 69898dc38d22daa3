"""The verbs about domains, against services and a customer's DNS that are real."""

import json

import pytest

HOST = "www.ada.example"


@pytest.fixture(scope="module")
def own(hosting, folder):
    """An app that domains are linked to."""
    return hosting.ask("app", "deploy", "own.ada", str(folder))


def test_a_domain_is_linked_checked_served_and_unlinked(hosting, own, customer):
    wanted = f"CNAME {own['id']}.apps.test"
    ran = hosting.run("domain", "link", HOST, "own.ada", "--json")
    linked = json.loads(ran.stdout)
    assert (linked["wanted"], linked["active"]) == (wanted, False)
    assert f"set {wanted} for {HOST}" in ran.stderr
    assert hosting.fetch("amber", HOST).status_code == 404

    unseen = hosting.ask("domain", "check", HOST)
    assert (unseen["seen"], unseen["active"]) == ([], False)
    assert "NXDOMAIN" in unseen["why"]

    customer.set(HOST, wanted)
    seen = hosting.ask("domain", "check", HOST)
    assert (seen["seen"], seen["active"], seen["why"]) == ([wanted], True, "")
    url = f"http://{hosting.at('amber-proxy')}/"
    answer = hosting.wait_until_answered(url, {"Host": HOST}, 200)
    assert answer.text == "amber"
    assert HOST in hosting.ask("app", "show", "own.ada")["hosts"]
    (row,) = hosting.ask("domain", "list")["rows"]
    assert (row["host"], row["app"], row["active"]) == (HOST, "own.ada", True)
    explained = hosting.ask("explain", HOST)
    assert explained["app"]["name"] == "own"

    assert not hosting.ask("domain", "unlink", HOST)["active"]
    hosting.wait_until_answered(url, {"Host": HOST}, 404)
    assert hosting.ask("domain", "list") == {"rows": []}


def test_what_people_read_names_the_record_and_what_is_seen(hosting, own, customer):
    host = "read.ada.example"
    customer.set(host, "A 192.0.2.1")
    wanted = f"CNAME {own['id']}.apps.test"
    assert wanted in hosting.run("domain", "link", host, own["id"]).stdout
    said = hosting.run("domain", "check", host).stdout
    assert "192.0.2.1" not in said
    assert "an apex, which cannot have one" in said
    assert wanted in hosting.run("domain", "list").stdout
    hosting.run("domain", "unlink", host)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("link", "192.0.2.1", "own.ada"), "an address"),
        (("link", "a.example", "nobody.ada"), "no app 'nobody.ada'"),
        (("check", "nobodys.example"), "no domain 'nobodys.example'"),
        (("unlink", "nobodys.example"), "no domain 'nobodys.example'"),
        (("check", "a/b"), "no domain 'a/b'"),
    ],
)
def test_what_cannot_be_done_is_one_line(hosting, own, arguments, says):
    ran = hosting.run("domain", *arguments, code=1)
    (line,) = ran.stderr.splitlines()
    assert line.startswith("domicile: ")
    assert says in line
    assert ran.stdout == ""
