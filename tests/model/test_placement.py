import pytest

from domicile.model.placement import NoRoom, choose_cluster
from domicile.model.records import Cluster


def cluster(name, **settings):
    return Cluster(name, (), (), **settings)


AMBER = cluster("amber", prefers=("free",))
BIRCH = cluster("birch", prefers=("pro",))
CEDAR = cluster("cedar", accepts=("pro",), capacity=1)


@pytest.mark.parametrize(
    ("clusters", "plan", "apps", "chosen"),
    [
        ([AMBER, BIRCH], "free", {}, "amber"),
        ([AMBER, BIRCH], "pro", {}, "birch"),
        ([AMBER, BIRCH], "pro", {"birch": 900}, "birch"),
        ([AMBER, BIRCH], "trial", {"amber": 2, "birch": 1}, "birch"),
        ([BIRCH, AMBER], "trial", {}, "amber"),
        ([AMBER, CEDAR], "pro", {}, "cedar"),
        ([AMBER, CEDAR], "pro", {"cedar": 1}, "amber"),
        ([AMBER, CEDAR], "free", {}, "amber"),
    ],
)
def test_plan_then_room_then_name_decide(clusters, plan, apps, chosen):
    assert choose_cluster(clusters, plan, apps).name == chosen


@pytest.mark.parametrize(
    ("heard", "chosen"),
    [((), "birch"), ({"amber"}, "amber"), ({"amber", "birch"}, "birch")],
)
def test_a_cluster_whose_manager_is_not_there_comes_last(heard, chosen):
    """Nobody would start the app; where none is there, it is as it ever was."""
    assert choose_cluster([AMBER, BIRCH], "pro", {}, heard).name == chosen


def test_no_room_says_what_would_help():
    with pytest.raises(NoRoom, match=r"'free'.*raise a capacity"):
        choose_cluster([CEDAR], "free", {})
