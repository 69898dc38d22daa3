"""What running services log is what the page says, and nothing secret."""

import re
from pathlib import Path

from waiting import wait_until

PAGE = (Path(__file__).parents[2] / "docs" / "logs.md").read_text()
SECTIONS = {
    "directory": "Directory", "nameserver": "Name server",
    "manager": "Manager", "proxy": "Proxy",
}  # fmt: skip
EVENT = re.compile(
    r"^\| `([^`]+)` \| (?:info|warning|error) \| (.*?) ?\|", re.MULTILINE
)
SECRET = "the-colour-of-money"


def section(title):
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def events_of(service):
    """Give the fields of each event that the page knows of a service."""
    text = section("Every service") + section(SECTIONS[service])
    return {
        event: set(re.findall(r"`(\w+)`", told)) for event, told in EVENT.findall(text)
    }


COMMON = set(
    re.findall(r"^\| `(\w+)` \|", section("Fields of every line"), re.MULTILINE)
)


def judge(demo, name):
    """Look whether each line of a service is as the page says."""
    known = events_of(name.partition("-")[0])
    for line in demo.log_of(name).splitlines():
        assert line.startswith("{"), line
    for line in demo.events(name):
        assert {"time", "level", "event", "service"} <= set(line)
        if "logger" not in line:
            assert set(line) - COMMON <= known[line["event"]], line
        if name.partition("-")[2]:
            assert line["cluster"] == name.partition("-")[2]


def failed(demo, app, cluster):
    return [
        each
        for each in demo.events(f"proxy-{cluster}")
        if each["event"] == "request failed" and each.get("app") == app["id"]
    ]


def test_each_line_is_as_the_page_says_and_a_request_is_followed_over_a_hop(demo):
    host = demo.deploy("logged.ada", "--env", f"COLOUR={SECRET}")
    home, other = demo.home_and_other("logged.ada")
    demo.move("logged.ada", other)
    demo.run("app", "stop", "logged.ada")
    app = demo.run("app", "show", "logged.ada")
    token = "Bearer never-to-be-logged"
    answer = demo.fetch(
        host, f"/?secret={SECRET}", at=home, headers={"Authorization": token}
    )
    assert answer.status_code == 503
    # A request is told of when it is over, which may be after its answer has come.
    wait_until(lambda: failed(demo, app, other))
    (line,) = failed(demo, app, other)
    assert line["request_id"] == answer.headers["x-request-id"]
    assert (line["host"], line["reason"]) == (host, "stopped")
    assert (line["generation"], line["cluster"]) == (app["generation"], other)
    # It is told by the cluster that answered it, once.
    assert not failed(demo, app, home)
    reported = [
        (each["status"], each["generation"])
        for each in demo.events(f"manager-{other}")
        if each["event"] == "reported" and each["app"] == app["id"]
    ]
    assert reported[0] == ("serving", 2)
    assert reported[-1][0] == "stopped"
    moves = [e for e in demo.events("directory") if e["event"] == "move"]
    assert {"preparing", "settling", "finished"} <= {
        each["step"] for each in moves if each["app"] == app["id"]
    }
    for name in demo.services:
        judge(demo, name)
        text = demo.log_of(name)
        for secret in (SECRET, "never-to-be-logged", *tokens_of(demo)):
            assert secret not in text, name


def tokens_of(demo):
    files = [*demo.data.rglob("*token*")]
    tokens = [file.read_text().strip() for file in files if file.is_file()]
    assert len(tokens) > 4
    return tokens
