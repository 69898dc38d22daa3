"""Where the tour's demo is."""

import socket

import msgspec
import pytest

from domicile.config import BadConfiguration
from domicile.demo.plan import ClusterPlan, Plan
from domicile.demo.tour.places import tour_plan, where_free
from domicile.host.preflight import check_places


def test_the_usual_plan_gets_a_third_cluster():
    plan = tour_plan(Plan())
    assert [each.name for each in plan.clusters] == ["amber", "birch", "cedar"]
    assert len({each.address for each in plan.places()}) == 5 + 3 * 5


def test_a_plan_with_a_third_cluster_keeps_its_places():
    cluster = ClusterPlan("fir", "127.0.0.14", proxy=8123)
    plan = msgspec.structs.replace(Plan(), clusters=(*Plan().clusters, cluster))
    third = tour_plan(plan).clusters[2]
    assert (third.name, third.host, third.proxy) == ("fir", "127.0.0.14", 8123)


def test_a_plan_of_one_cluster_is_too_small():
    plan = msgspec.structs.replace(Plan(), clusters=Plan().clusters[:1])
    with pytest.raises(BadConfiguration, match="needs 3 clusters"):
        tour_plan(plan)


def test_where_a_port_is_taken_all_are_others_and_free():
    said = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        plan = where_free(tour_plan(Plan(directory=port)), said.append)
    check_places(plan.places(), "the plan")
    assert plan.directory != port
    assert len(said) == 1
    assert [each.host for each in plan.clusters] == [
        "127.0.0.11", "127.0.0.12", "127.0.0.13"
    ]  # fmt: skip
    assert where_free(plan, said.append) == plan
