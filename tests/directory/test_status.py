"""What is wrong, as sentences."""

import pytest

from domicile.directory import status
from domicile.directory.ailing import Ailing
from domicile.directory.status import ClusterStatus, FollowerStatus, OpenMove
from domicile.model.records import App, AppState, Cluster

AMBER = ClusterStatus("amber", (), 0, followed=True)
NS1 = FollowerStatus("nameserver/ns1/f", 1, 0, 0.5, behind=False, trouble="")


def app(state, name="hello"):
    return App("i" * 26, name, "ada", "apps.test", 1, state, detail="opened no port")


@pytest.mark.parametrize(
    ("followers", "cluster", "problems"),
    [
        ([NS1], AMBER, []),
        ([], AMBER, ["no name server has ever asked the directory"]),
        (
            [
                NS1,
                FollowerStatus("cluster/amber/m", 1, 0, 61.2, behind=True, trouble=""),
            ],
            ClusterStatus("amber", (), 0, followed=False),
            [
                "cluster amber: no manager of it asks the directory",
                "cluster/amber/m is behind: nothing new for 61 s",
            ],
        ),
    ],
)
def test_who_is_silent_is_a_problem(followers, cluster, problems):
    assert list(status._of_followers(followers, [cluster])) == problems


def test_an_app_that_failed_is_a_problem_and_others_are_not():
    apps = [app(state) for state in AppState]
    assert list(status._of_apps(apps)) == ["app hello.ada failed: opened no port"]
    unnamed = app(AppState.FAILED, name="")
    assert list(status._of_apps([unnamed])) == [
        f"app {unnamed.id} failed: opened no port"
    ]


@pytest.mark.parametrize(("seconds", "count"), [(119.0, 0), (121.0, 1)])
def test_a_move_that_takes_long_is_a_problem(seconds, count):
    move = OpenMove("m", "hello.ada", "amber", "birch", 2, "settling", seconds)
    problems = list(status._of_moves([move]))
    assert len(problems) == count
    assert all("hello.ada to birch is settling for 121 s" in each for each in problems)


AWAY = Ailing("192.0.2.1", True, "2030-01-31T14:30:00Z", "nameserver/ns1: refused")
ILL = Ailing("192.0.2.2", False, "", "nameserver/ns1: refused")


@pytest.mark.parametrize(
    ("cluster", "health", "problems"),
    [
        (Cluster("amber", (), ()), (), []),
        (
            Cluster("amber", (), ()),
            (AWAY, ILL),
            [
                (
                    "cluster amber: 192.0.2.1 is withdrawn since 2030-01-31T14:30:00Z "
                    "(nameserver/ns1: refused)"
                ),
                (
                    "cluster amber: 192.0.2.2 is ill, and answered still: no more than half "
                    "is withdrawn (nameserver/ns1: refused)"
                ),
            ],
        ),
        (
            Cluster("amber", (), (), lost=True),
            (),
            ["cluster amber is declared lost"],
        ),
        (
            Cluster("amber", (), (), lost=True, fallback=("192.0.2.80",)),
            (),
            [
                "cluster amber is declared lost: its apps' names lead to 192.0.2.80",
            ],
        ),
    ],
)
def test_what_is_wrong_with_a_cluster_is_a_problem(cluster, health, problems):
    assert list(status._of_clusters([cluster], {"amber": health})) == problems
