"""The verbs about apps, by the command itself, on real services."""

import json

import dns.message
import dns.query
import pytest


def deploy(hosting, folder, name, *more):
    return hosting.ask("app", "deploy", name, str(folder), *more)


def addresses_of(hosting, host):
    query = dns.message.make_query(host, "A")
    port = hosting.ports["ns1"]
    answer = dns.query.udp(query, "127.0.0.1", port=port, timeout=20)
    return [str(each) for rrset in answer.answer for each in rrset]


def test_a_move_returns_when_the_source_has_stopped_the_app(hosting, folder):
    deploy(hosting, folder, "mover.ada", "--command", "python app.py")
    moved = hosting.ask("app", "move", "mover.ada", "--to", "birch")
    assert (moved["step"], moved["source"], moved["target"]) == (
        "finished", "amber", "birch",
    )  # fmt: skip
    running = hosting.data / "amber" / "run"
    assert [each for each in running.iterdir() if moved["app"] in each.name] == []


def test_a_move_outlasts_a_directory_that_is_killed_in_it(hosting, folder):
    deploy(hosting, folder, "outlast.ada")
    with hosting.begin("app", "move", "outlast.ada", "--to", "birch", "--json") as move:
        while not move.stderr.readline().startswith("planned"):
            assert move.poll() is None
        hosting.kill("directory", "directory", "directory-admin")
        hosting.start_again("directory", "directory")
        said, told = move.communicate(timeout=120)
    assert move.returncode == 0, told
    assert json.loads(said)["step"] == "finished"
    assert hosting.fetch("amber", "outlast.ada.apps.test").text == "birch"


def test_a_second_move_of_an_app_waits_for_the_first(hosting, folder, tmp_path):
    gate = tmp_path / "gate"
    deploy(hosting, folder, "twice.ada", "--env", f"BIRCH_WAITS_FOR={gate}")
    first = hosting.ask("app", "move", "twice.ada", "--to", "birch", "--no-wait")
    assert first["step"] == "planned"
    with hosting.begin("app", "move", "twice.ada", "--to", "amber", "--json") as second:
        assert "twice.ada is moving to birch" in second.stderr.readline()
        gate.touch()
        said, told = second.communicate(timeout=120)
    assert second.returncode == 0, told
    moved = json.loads(said)
    assert (moved["step"], moved["source"]) == ("finished", "birch")
    assert hosting.ask("move", "show", first["id"])["step"] == "finished"
    assert hosting.ask("app", "show", "twice.ada")["cluster"] == "amber"


def test_a_stopped_app_says_so_and_is_started_again(hosting, folder):
    deploy(hosting, folder, "rest.ada")
    host = "rest.ada.apps.test"
    stopped = hosting.ask("app", "stop", "rest.ada")
    assert (stopped["state"], stopped["cluster"]) == ("stopped", "amber")
    assert stopped["generation"] == 1
    assert hosting.fetch("amber", host).status_code == 503
    assert hosting.ask("app", "stop", "rest.ada")["state"] == "stopped"
    assert hosting.ask("app", "start", "rest.ada")["state"] == "running"
    assert hosting.fetch("amber", host).text == "amber"


def test_a_stopped_app_moves_and_is_still_stopped(hosting, folder):
    deploy(hosting, folder, "still.ada")
    hosting.run("app", "stop", "still.ada")
    hosting.run("app", "move", "still.ada", "--to", "birch")
    shown = hosting.ask("app", "show", "still.ada")
    assert (shown["state"], shown["cluster"]) == ("stopped", "birch")
    for cluster in ("amber", "birch"):
        assert hosting.fetch(cluster, "still.ada.apps.test").status_code == 503
    hosting.run("app", "start", "still.ada")
    assert hosting.fetch("amber", "still.ada.apps.test").text == "birch"


def test_a_deleted_app_is_gone_wherever_it_lived_and_its_name_may_be_used_again(
    hosting, folder
):
    old = deploy(hosting, folder, "brief.ada")
    hosting.run("app", "move", "brief.ada", "--to", "birch")
    deleted = hosting.ask("app", "delete", "brief.ada")
    assert (deleted["state"], deleted["generation"]) == ("deleted", 3)
    assert addresses_of(hosting, "brief.ada.apps.test") == ["127.0.0.1"]
    for host in ("brief.ada.apps.test", f"{old['id']}.apps.test"):
        for cluster in ("birch", "amber"):
            hosting.wait_until_answered(
                f"http://{hosting.at(f'{cluster}-proxy')}/", {"Host": host}, 410
            )
    rows = hosting.ask("app", "list")["rows"]
    assert old["id"] not in [row["id"] for row in rows]
    new = deploy(hosting, folder, "brief.ada")
    assert new["id"] != old["id"]
    assert hosting.fetch("amber", "brief.ada.apps.test").text == "amber"
    assert hosting.fetch("birch", f"{old['id']}.apps.test").status_code == 410
    assert hosting.ask("app", "show", old["id"])["state"] == "deleted"


def test_an_operators_choice_against_the_plan_is_said(hosting, folder):
    ran = hosting.run(
        "app", "deploy", "odd.ada", str(folder), "--to", "birch", "--json"
    )
    assert "birch prefers pro, and the plan of ada is free" in ran.stderr
    assert json.loads(ran.stdout)["cluster"] == "birch"
    ran = hosting.run("app", "move", "odd.ada", "--to", "amber")
    assert "prefers" not in ran.stderr


def test_a_command_that_is_guessed_is_said(hosting, folder, tmp_path):
    ran = hosting.run("app", "deploy", "guess.ada", str(folder))
    assert "a Python program in app.py, started by `python app.py`" in ran.stderr
    (tmp_path / "web.py").write_text((folder / "app.py").read_text())
    (tmp_path / "Procfile").write_text("worker: true\nweb: python web.py\n")
    ran = hosting.run("app", "deploy", "procfile.ada", str(tmp_path))
    assert "line of a Procfile, started by `python web.py`; --command" in ran.stderr
    assert hosting.fetch("amber", "procfile.ada.apps.test").text == "amber"


def test_who_mistypes_an_app_s_name_is_told_the_nearest(hosting, folder):
    app = deploy(hosting, folder, "spelling.ada")
    for verb in (("show",), ("logs",), ("move", "--to", "birch"), ("stop",)):
        ran = hosting.run("app", verb[0], "speling.ada", *verb[1:], code=1)
        assert ran.stderr == (
            "domicile: no app 'speling.ada': did you mean spelling.ada?\n"
        )
    for arguments in (("move", "spelling.ada"), ("move", app["id"])):
        ran = hosting.run("app", *arguments, "--to", "brich", code=1)
        assert ran.stderr == ("domicile: no cluster 'brich': did you mean birch?\n")


def test_the_upload_is_said_and_not_in_the_way_of_json(hosting, folder):
    ran = hosting.run("app", "deploy", "upload.ada", str(folder), "--json")
    assert json.loads(ran.stdout)["state"] == "running"
    assert "uploaded " in ran.stderr
    assert "\x1b" not in ran.stderr


def test_a_terminal_sees_what_a_move_waits_for(hosting, folder, tmp_path, terminal):
    gate = tmp_path / "gate"
    deploy(hosting, folder, "slow.ada", "--env", f"BIRCH_WAITS_FOR={gate}")
    waits = "birch fetches it, starts it and tells its proxies"
    command = hosting.command("app", "move", "slow.ada", "--to", "birch")
    seen = terminal(*command, once=(waits, gate.touch))
    assert waits in seen
    assert "finished (generation 2)" in seen


def test_an_app_gives_no_commands_to_the_operator_s_terminal(
    hosting, tmp_path, folder, terminal
):
    evil = tmp_path / "app.py"
    evil.write_text("print('\\x1b[2J\\x1b]0;x\\x07', flush=True)\n")
    evil.write_text(evil.read_text() + (folder / "app.py").read_text())
    hosting.run("app", "deploy", "evil.ada", str(tmp_path))
    raw = hosting.run("app", "logs", "evil.ada").stdout
    assert raw.startswith("\x1b[2J\x1b]0;x\x07\n")
    seen = terminal(*hosting.command("app", "logs", "evil.ada"))
    assert r"\x1b[2J\x1b]0;x\x07" in seen
    assert "\x1b[2J" not in seen


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("app", "stop", "nobody.ada"), "no app 'nobody.ada'"),
        (("app", "start", "nobody.ada"), "no app 'nobody.ada'"),
        (("app", "delete", "nobody.ada"), "no app 'nobody.ada'"),
        (("app", "show", "nobody.ada?wait=0"), "no app 'nobody.ada?wait=0'"),
        (("app", "show", "../owners/ada"), "no app '../owners/ada'"),
        (("app", "move", "..", "--to", "birch"), "no app '..'"),
        (("owner", "show", "ada?"), "no owner 'ada?'"),
        (("app", "deploy", "x.ada", "/nowhere"), "how shall /nowhere be started?"),
    ],
)
def test_what_cannot_be_done_is_one_line(hosting, arguments, says):
    ran = hosting.run(*arguments, code=1)
    assert says in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert ran.stdout == ""
