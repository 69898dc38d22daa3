"""The status stays one screen, whatever there is."""

import pytest

from domicile.cli.overview import first_of, show_overview


def status(clusters=2, followers=3, moves=0, problems=()):
    return {
        "serial": 7,
        "problems": list(problems),
        "apps": {"running": 900, "stopped": 3},
        "clusters": [
            {"name": f"cluster{n}", "addresses": ["192.0.2.1", "2001:db8::1"],
             "apps": 300 + n, "followed": n != 1}
            for n in range(clusters)
        ],
        "followers": [
            {"name": f"cluster/cluster{n}/manager-cluster{n}", "serial": 7, "lag": n,
             "silent": 0.25, "behind": False, "trouble": ""}
            for n in range(followers)
        ],
        "moves": [
            {"app": f"app{n}.ada", "source": "cluster0", "target": "cluster1",
             "generation": 2, "step": "preparing", "seconds": 1.0 * n}
            for n in range(moves)
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    "found",
    [
        status(),
        status(clusters=5, followers=4, moves=2, problems=["wrong " * 20] * 20),
        status(clusters=90, followers=91, moves=1000, problems=["bad"] * 400),
    ],
)
def test_it_is_a_screen_of_24_lines(found, capsys):
    show_overview(found)
    lines = capsys.readouterr().out.splitlines()
    assert sum(-(-len(line.rstrip()) // 80) for line in lines) <= 23  # and the prompt
    assert "apps: 900 running, 3 stopped; serial 7" in lines


def test_what_is_wrong_comes_first_and_whole(capsys):
    show_overview(status(problems=["cluster cedar: no manager of it asks"]))
    first, second, *_ = capsys.readouterr().out.splitlines()
    assert first == "cluster cedar: no manager of it asks"
    assert second.split() == ["name", "addresses", "apps", "followed"]


def test_much_is_counted(capsys):
    show_overview(status(clusters=90, followers=91, moves=1000))
    assert capsys.readouterr().out.splitlines() == [
        "90 clusters: 89 followed, 1 not; 300 to 389 apps each",
        "91 followers: 0 behind; at most 90 changes missing",
        "apps: 900 running, 3 stopped; serial 7",
        "1000 open moves: 1000 preparing; for at most 999 s",
    ]


@pytest.mark.parametrize(
    ("problems", "lines"),
    [
        ([], []),
        (["a"] * 7, ["a"] * 7),
        (["a"] * 8, ["a"] * 6 + ["and 2 more: see domicile status --json"]),
        (["a" * 9000], ["a" * 9000]),
        (["a" * 900, "b"], ["a" * 900, "and 1 more: see domicile status --json"]),
    ],
)
def test_of_many_problems_the_first_are_shown(problems, lines):
    assert first_of(problems) == lines


def test_a_name_is_no_command_to_the_terminal(capsys):
    show_overview(status(problems=["app evil failed: \x1b[2J\x9b2J"]))
    assert capsys.readouterr().out.startswith(r"app evil failed: \x1b[2J\x9b2J")
