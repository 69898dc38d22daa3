"""The verbs against a real directory process; the test reports as amber would."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from domicile.client.access import Access, write_access

COMMAND = Path(sys.executable).with_name("domicile")
HERE = str(Path(__file__).parent)


@pytest.fixture(scope="module")
def domicile(tmp_path_factory):
    """Run a directory, and give a function that runs the command against it."""
    data = tmp_path_factory.mktemp("data")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (data / "directory.toml").write_text(f"""
data = "{data}/directory"
listen = "127.0.0.1:{port}"
[[zones]]
name = "apps.test"
nameservers = {{ "ns1.apps.test" = ["127.0.0.1"] }}
""")
    service = subprocess.Popen(
        [COMMAND, "directory", "--config", data / "directory.toml"],
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    wait_until_it_answers(url)
    token = (data / "directory" / "operator.token").read_text().strip()
    write_access(data, Access(url, token))

    def run(*arguments, code=0, environment=None):
        told = os.environ | {"DOMICILE_DATA": str(data)} | (environment or {})
        ran = subprocess.run(
            [COMMAND, *arguments], capture_output=True, text=True, env=told, timeout=60
        )
        assert ran.returncode == code, ran.stderr
        return ran

    run.url = url
    run.token = token
    yield run
    service.send_signal(signal.SIGTERM)
    assert service.wait(10) == 0


def wait_until_it_answers(url):
    while True:
        try:
            return httpx.get(url)
        except httpx.TransportError:
            time.sleep(0.05)


@pytest.fixture(scope="module")
def amber(domicile):
    join = json.loads(
        domicile("cluster", "add", "amber", "--address", "127.0.0.11").stdout
    )
    domicile("owner", "add", "ada", "--json")
    return join


@pytest.fixture(scope="module")
def hello(domicile, amber, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hello")
    (folder / "app.py").write_text("run")
    deployed = domicile(
        "app", "deploy", "hello.ada", str(folder), "--command", "python app.py",
        "--no-wait", "--json",
    )  # fmt: skip
    app = json.loads(deployed.stdout)
    report = {"app": app["id"], "cluster": "amber", "generation": 1}
    httpx.post(
        f"{domicile.url}/v1/reports",
        json=[report | {"status": "serving"}],
        headers={"Authorization": f"Bearer {amber['token']}"},
    ).raise_for_status()
    (move,) = json.loads(domicile("move", "list", "--json").stdout)["rows"]
    httpx.get(
        f"{domicile.url}/v1/moves/{move['id']}?wait=20",
        headers={"Authorization": f"Bearer {domicile.token}"},
    ).raise_for_status()
    return app


def test_a_join_file_has_what_a_cluster_needs(domicile, amber):
    assert amber["url"] == domicile.url
    assert amber["authority"][0].startswith("-----BEGIN CERTIFICATE-----")


def test_lists_are_rows(domicile, amber):
    rows = json.loads(domicile("cluster", "list", "--json").stdout)["rows"]
    assert [row["name"] for row in rows] == ["amber"]
    assert "amber" in domicile("cluster", "list").stdout


class Api:
    """The API as somebody whose token that is."""

    def __init__(self, domicile, token=None):
        self._url = domicile.url
        self._headers = {"Authorization": f"Bearer {token or domicile.token}"}

    def ask(self, method, path, body):
        url = f"{self._url}/v1{path}"
        answer = httpx.request(method, url, json=body, headers=self._headers)
        answer.raise_for_status()
        return answer


@pytest.fixture
def ill(domicile, amber):
    """Have one of amber's two addresses found dead by two name servers."""
    operator = Api(domicile)
    record = {"name": "amber", "addresses": ["127.0.0.11", "127.0.0.12"], "links": []}
    operator.ask("PUT", "/clusters/amber", record)
    seen = [
        {"cluster": "amber", "address": "127.0.0.11", "well": True},
        {"cluster": "amber", "address": "127.0.0.12", "well": False, "row": 3,
         "detail": "no whole answer in 3 s"},
    ]  # fmt: skip
    for name in ("ns1", "ns2"):
        token = operator.ask("POST", "/nameservers", {"name": name}).json()["token"]
        Api(domicile, token).ask("POST", "/sightings", seen)
    yield "127.0.0.12"
    operator.ask("PUT", "/clusters/amber", record | {"addresses": ["127.0.0.11"]})


def test_an_ill_address_is_shown_with_who_says_so(domicile, ill):
    said = "nameserver/ns1: no whole answer in 3 s; nameserver/ns2: no whole answer in"
    while "True" not in (shown := domicile("cluster", "show", "amber").stdout):
        time.sleep(0.05)
    (line,) = [each for each in shown.splitlines() if each.startswith(ill)]
    assert said in line
    problem = f"cluster amber: {ill} is withdrawn since 2"
    assert problem in domicile("status", code=3).stdout


def test_a_lost_cluster_is_shown_as_such_until_it_is_found(domicile, amber):
    lost = domicile("cluster", "lost", "amber", "--fallback", "192.0.2.80").stdout
    assert "192.0.2.80" in lost
    assert "True" in domicile("cluster", "list").stdout
    assert "is declared lost" in domicile("status", code=3).stdout
    domicile("cluster", "found", "amber")
    assert "lost" not in domicile("cluster", "show", "amber").stdout


@pytest.mark.parametrize("by", ["name", "id"])
def test_an_app_is_named_by_name_or_id(domicile, hello, by):
    named = hello["id"] if by == "id" else "hello.ada"
    shown = json.loads(domicile("app", "show", named, "--json").stdout)
    assert shown["id"] == hello["id"]
    assert {"name", "owner", "cluster", "generation", "state", "hosts"} <= set(shown)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("app", "show", "nobody.ada"), "no app 'nobody.ada'"),
        (("app", "move", "hello.ada", "--to", "cedar"), "no cluster 'cedar'"),
        (("app", "move", "hello.ada", "--to", "amber", "--at", "noon"), "is no time"),
        (("move", "withdraw", "hello.ada"), "no move of hello.ada is scheduled"),
        (("cluster", "lost", "cedar"), "cedar"),
        (("cluster", "lost", "amber", "--fallback", "page"), "'page' is not an IP"),
        (("owner", "add", "ada"), "exists already"),
        (("owner", "add", "www"), "reserved"),
        (("owner", "show", "eve"), "eve"),
        (("cluster", "show", "cedar"), "cedar"),
        (("app", "deploy", "hello", ".", "--command", "x"), "not <app>.<owner>"),
        (("app", "deploy", "a.ada", "/nowhere", "--command", "x"), "no files"),
        (("move", "show", "x"), "no move 'x'"),
        (("app", "deploy", "a--b.ada", HERE, "--command", "x"), "a--b"),
    ],
)
def test_an_error_is_one_line_and_exit_status_1(domicile, hello, arguments, says):
    ran = domicile(*arguments, code=1)
    assert ran.stderr.startswith("domicile: ")
    assert says in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert ran.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("app", "show", "helo.ada"), "no app 'helo.ada': did you mean hello.ada?"),
        (("app", "move", "hello.ada", "--to", "ambr"), "'ambr': did you mean amber?"),
        (("cluster", "show", "ambre"), "no cluster 'ambre': did you mean amber?"),
        (("owner", "show", "aba"), "no owner 'aba'"),
        (("domain", "link", "a.example", "hallo.ada"), "did you mean hello.ada?"),
    ],
)
def test_what_is_nearly_there_is_suggested(domicile, hello, arguments, says):
    ran = domicile(*arguments, code=1)
    assert says in ran.stderr
    assert len(ran.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("ap", "list"), "Did you mean 'app'?"),
        (("app", "lsit"), "Did you mean 'list'?"),
        (("app", "move", "x", "--too", "y"), "--to"),
    ],
)
def test_a_mistyped_verb_or_option_is_answered_with_the_nearest(
    domicile, arguments, says
):
    assert says in domicile(*arguments, code=2).stderr


def test_a_plan_that_is_nearly_one_is_remarked_on(domicile, amber):
    ran = domicile("owner", "add", "fred", "--plan", "fre")
    assert "is it free?" in ran.stderr
    assert domicile("owner", "add", "frida", "--plan", "free").stderr == ""


def complete(run, line):
    """Give what a shell offers behind the line; it is bash that asks so."""
    words = line.split(" ")
    told = {"_DOMICILE_COMPLETE": "complete_bash", "COMP_WORDS": line}
    ran = run(environment=told | {"COMP_CWORD": str(len(words) - 1)})
    assert ran.stderr == ""
    return ran.stdout.split()


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("domicile app mo", ["move"]),
        ("domicile app show he", ["hello.ada"]),
        ("domicile app move hello.ada --to am", ["amber"]),
        ("domicile cluster show ", ["amber"]),
        ("domicile owner show ad", ["ada"]),
        ("domicile app show zz", []),
        ("domicile app show --data /nowhere he", []),
    ],
)
def test_the_shell_completes_names(domicile, hello, line, offered):
    assert complete(domicile, line) == offered


def test_completion_is_silent_where_nobody_can_be_asked(domicile, hello):
    environment = {"DOMICILE_URL": "http://127.0.0.1:1", "DOMICILE_TOKEN": "t"}

    def away(environment_of_shell=environment, **more):
        return domicile(environment=more["environment"] | environment_of_shell)

    assert complete(away, "domicile app show he") == []


def test_completion_can_be_installed(domicile):
    shown = domicile("--show-completion", environment={"SHELL": "/bin/bash"})
    assert "_DOMICILE_COMPLETE=complete_bash" in shown.stdout


def test_a_directory_that_is_away_is_one_line(tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        write_access(
            tmp_path, Access(f"http://127.0.0.1:{closed.getsockname()[1]}", "t")
        )
        ran = subprocess.run(
            [COMMAND, "app", "list", "--data", tmp_path],
            capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert ran.returncode == 1
    assert "does not answer" in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
