"""A visitor says what did not answer, and counts what was asked."""

import pytest

from domicile.demo.plan import ClusterPlan, Plan
from domicile.demo.tour.expectation import Unexpected
from domicile.demo.tour.visitor import Visitor
from domicile.runtime.ports import free_port

HOST = "hello.ada.apps.test"
PORT = free_port()
AMBER = ClusterPlan("amber", "127.0.0.1", proxy=PORT)


@pytest.fixture
def visitor():
    """Of a demo in which nobody is at home."""
    visitor = Visitor(Plan(nameserver=PORT, clusters=(AMBER,)))
    yield visitor
    visitor.close()


def test_a_name_server_that_does_not_answer_is_named(visitor):
    with pytest.raises(Unexpected, match=f"{HOST}, the name server at .* port {PORT}"):
        visitor.resolve(HOST, tcp=True)
    assert not visitor.has_answer(HOST)
    assert (visitor.questions, visitor.requests) == (2, 0)


def test_a_request_that_fails_is_told(visitor):
    with pytest.raises(Unexpected, match=f"a request for {HOST} in amber failed"):
        visitor.fetch(HOST, AMBER)
    with (
        pytest.raises(Unexpected, match=f"the chat with {HOST} in amber broke"),
        visitor.chat(HOST, AMBER),
    ):
        pass
    assert visitor.requests == 2


def test_an_address_of_no_cluster_is_told(visitor):
    assert visitor.cluster_at("127.0.0.1") == AMBER
    with pytest.raises(Unexpected, match=r"no cluster is at 127\.0\.0\.9"):
        visitor.cluster_at("127.0.0.9")
