"""What the demo prints to be pasted."""

import shlex

from domicile.client.access import DEFAULT_DATA
from domicile.demo.lines import to_paste
from domicile.demo.plan import Plan

PLAN = Plan()
AMBER, BIRCH = PLAN.clusters


def test_the_lines_follow_the_app_to_where_it_lives(tmp_path):
    ready, dig, curl, move, again, apps = to_paste(
        PLAN, tmp_path, {"hello.ada": BIRCH, "chat.bob": AMBER}
    )
    assert "http://127.0.0.1:8053/v1" in ready
    assert dig.split() == [
        "dig", "+short", "@127.0.0.1", "-p", "5300", "hello.ada.apps.test"
    ]  # fmt: skip
    assert shlex.split(curl)[-1] == "http://127.0.0.12:8080/"
    assert shlex.split(move)[1:] == [
        "app", "move", "hello.ada", "--to", "amber", "--data", str(tmp_path)
    ]  # fmt: skip
    assert shlex.split(again, comments=True) == shlex.split(curl)
    assert shlex.split(apps)[1:] == ["app", "list", "--data", str(tmp_path)]


def test_the_folder_that_every_verb_takes_is_not_named():
    lines = to_paste(PLAN, DEFAULT_DATA.absolute(), {"hello.ada": AMBER})
    assert not any("--data" in line for line in lines)


def test_without_apps_there_are_still_lines(tmp_path):
    assert len(list(to_paste(PLAN, tmp_path, {}))) == 2
