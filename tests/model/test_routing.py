"""Each case: what the cluster holds, what asks, what follows."""

import pytest

from domicile.model import routing
from domicile.model.records import (
    Cluster,
    Endpoint,
    EndpointState,
    Residence,
    ResidenceState,
)
from domicile.model.routing import (
    Forward,
    Gone,
    Hold,
    HoldReason,
    Hop,
    ToUpstream,
    Unknown,
)

APP = "i" * 26
HOST = "hello.ada.apps.test"
BIRCH = Cluster("birch", ("127.0.0.12",), ("127.0.0.12:8444",))
HERE, HELD = ResidenceState.HERE, ResidenceState.HELD
AWAY, GONE = ResidenceState.AWAY, ResidenceState.GONE


def residence(state, generation, to=""):
    return Residence(APP, "amber", generation, state, to, hosts=(HOST,))


def endpoint(generation, state=EndpointState.RUNNING):
    return Endpoint(APP, generation, state, "127.0.0.11", 9000)


def hop(generation):
    return Hop(APP, generation, "127.0.0.9", "http", "r1")


SERVED = ToUpstream(APP, 3, "127.0.0.11", 9000)
TO_BIRCH = Forward(APP, 3, "birch", ("127.0.0.12:8444",))
BEHIND = Hold(APP, HoldReason.BEHIND)


@pytest.mark.parametrize(
    ("records", "asks", "outcome"),
    [
        # A request from outside.
        ([residence(HERE, 3), endpoint(3)], None, SERVED),
        ([residence(HERE, 3)], None, Hold(APP, HoldReason.STARTING)),
        ([residence(HERE, 3), endpoint(2)], None, Hold(APP, HoldReason.STARTING)),
        (
            [residence(HERE, 3), endpoint(3, EndpointState.STARTING)],
            None,
            Hold(APP, HoldReason.STARTING),
        ),
        (
            [residence(HERE, 3), endpoint(3, EndpointState.ASLEEP)],
            None,
            Hold(APP, HoldReason.ASLEEP),
        ),
        # Who comes through a tombstone waits for it as well.
        (
            [residence(HERE, 3), endpoint(3, EndpointState.ASLEEP)],
            hop(3),
            Hold(APP, HoldReason.ASLEEP),
        ),
        (
            [residence(HERE, 3), endpoint(2, EndpointState.ASLEEP)],
            None,
            Hold(APP, HoldReason.STARTING),
        ),
        (
            [residence(HERE, 3), endpoint(3, EndpointState.STOPPED)],
            None,
            Hold(APP, HoldReason.STOPPED),
        ),
        ([residence(HELD, 3), endpoint(3)], None, Hold(APP, HoldReason.MOVING)),
        ([residence(AWAY, 3, "birch"), endpoint(2), BIRCH], None, TO_BIRCH),
        ([residence(AWAY, 3, "birch")], None, BEHIND),
        ([residence(GONE, 3)], None, Gone(APP)),
        ([], None, Unknown()),
        # A hop: the receiver serves if it has `here` at the hop's generation or above,
        ([residence(HERE, 3), endpoint(3)], hop(3), SERVED),
        ([residence(HERE, 3), endpoint(3)], hop(2), SERVED),
        # follows its own tombstone only if that is above it,
        ([residence(AWAY, 3, "birch"), BIRCH], hop(2), TO_BIRCH),
        # and otherwise is behind: it never says 404 and never sends it back.
        ([residence(AWAY, 3, "birch"), BIRCH], hop(3), BEHIND),
        ([residence(AWAY, 3, "birch"), BIRCH], hop(4), BEHIND),
        ([residence(HERE, 3), endpoint(3)], hop(4), BEHIND),
        ([residence(GONE, 3)], hop(4), BEHIND),
        ([residence(GONE, 3)], hop(3), Gone(APP)),
        ([], hop(1), BEHIND),
    ],
)
def test_route(views, records, asks, outcome):
    assert routing.route(views.of(*records), HOST, asks) == outcome


def test_who_is_behind_knows_no_confident_no(views):
    """Promise 5: an unknown name at a stale proxy waits, then is a 503."""
    view = views.of(behind=True)
    assert routing.route(view, HOST, None) == Hold("", HoldReason.BEHIND)


def test_every_reason_has_its_seconds():
    assert set(routing.HOLD_SECONDS) == set(HoldReason)
    assert Hold(APP, HoldReason.MOVING).seconds == 10.0


@pytest.mark.parametrize("generations", [(1, 2), (2, 1), (2, 2), (3, 5)])
def test_two_tombstones_that_point_at_each_other_do_not_loop(views, generations):
    """Promise 3: forwarding ends, whatever the two clusters believe."""
    amber = Cluster("amber", (), ("127.0.0.11:8444",))
    sides = [
        views.of(residence(AWAY, generations[0], "birch"), BIRCH),
        views.of(residence(AWAY, generations[1], "amber"), amber),
    ]
    hops, asks = 0, None
    while isinstance(outcome := routing.route(sides[hops % 2], HOST, asks), Forward):
        asks = hop(outcome.generation)
        hops += 1
        assert hops <= 2
    assert outcome == BEHIND
