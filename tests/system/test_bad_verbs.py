"""Verbs that cannot be done: one clear line each, and nothing has changed."""

import pytest

ID = "a" * 26

REFUSED = {
    "a duplicate app": (
        ["app", "deploy", "hello.ada", "FOLDER", "--command", "true"],
        "hello.ada exists already",
    ),
    "a name too long": (
        ["app", "deploy", f"{'x' * 31}.ada", "FOLDER", "--command", "true"],
        "has 31 characters: 30 are allowed",
    ),
    "a label too long": (
        ["app", "deploy", f"xn--{'x' * 60}.ada", "FOLDER", "--command", "true"],
        "not a valid IDN A-label",
    ),
    "two hyphens": (
        ["app", "deploy", "a--b.ada", "FOLDER", "--command", "true"],
        "single inner hyphens",
    ),
    "no owner's name": (
        ["app", "deploy", "hello", "FOLDER", "--command", "true"],
        "'hello' is not <app>.<owner>",
    ),
    "an unknown owner": (
        ["app", "deploy", "hello.eve", "FOLDER", "--command", "true"],
        "no owner 'eve'",
    ),
    "a folder that is not there": (
        ["app", "deploy", "new.ada", "/no/such/folder", "--command", "true"],
        "/no/such/folder",
    ),
    "an unknown cluster to deploy to": (
        ["app", "deploy", "new.ada", "FOLDER", "--command", "true", "--to", "cedar"],
        "no cluster 'cedar': there are amber, birch",
    ),
    "an unknown cluster to move to": (
        ["app", "move", "hello.ada", "--to", "cedar"],
        "no cluster 'cedar': there are amber, birch",
    ),
    "a move to where it lives": (["app", "move", "hello.ada", "--to", "HOME"], "already"),
    "an unknown app to move": (
        ["app", "move", "nobody.ada", "--to", "amber"], "no app 'nobody.ada'",
    ),
    "an unknown app to show": (["app", "show", "nobody.ada"], "no app 'nobody.ada'"),
    "an unknown id": (["app", "show", ID], f"no app '{ID}'"),
    "an unknown app to stop": (["app", "stop", "nobody.ada"], "no app 'nobody.ada'"),
    "an unknown app to delete": (["app", "delete", "nobody.ada"], "no app 'nobody.ada'"),
    "an unknown app's log": (["app", "logs", "nobody.ada"], "no app 'nobody.ada'"),
    "an unknown move": (["move", "show", ID], f"no move '{ID}'"),
    "an unknown cluster to show": (["cluster", "show", "cedar"], "'cedar'"),
    "an unknown owner to show": (["owner", "show", "eve"], "'eve'"),
    "a duplicate owner": (["owner", "add", "ada"], "ada"),
    "an owner's name that is reserved": (["owner", "add", "www"], "reserved"),
    "an owner's name like an id": (["owner", "add", ID], "looks like an app id"),
    "a duplicate cluster": (
        ["cluster", "add", "amber", "--address", "127.0.0.1"], "amber",
    ),
    "a cluster's address that is none": (
        ["cluster", "add", "cedar", "--address", "here"], "here",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_done_is_one_clear_line(demo, what):
    verb, says = REFUSED[what]
    home, _ = demo.home_and_other("hello.ada")
    before = demo.api("GET", "/apps").json()
    told = {"FOLDER": str(demo.folder), "HOME": home}
    assert says in demo.refused(*(told.get(word, word) for word in verb))
    assert demo.api("GET", "/apps").json() == before


def test_a_stale_generation_loses(demo):
    """Promise 4, over the API: the writer names the generation that it saw."""
    _, other = demo.home_and_other("upload.ada")
    shown = demo.api("GET", "/apps/upload.ada").json()
    stale = {"to": other, "generation": shown["generation"] - 1}
    answer = demo.api("POST", "/apps/upload.ada/moves", stale)
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == "urn:domicile:StaleGeneration"
    assert "read it again" in problem["detail"]
    assert demo.api("GET", "/apps/upload.ada").json() == shown
