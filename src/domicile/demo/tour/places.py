"""Where the tour's demo is: three clusters, at ports that nobody has."""

from collections.abc import Callable

import msgspec

from domicile.config import BadConfiguration
from domicile.demo.main import CONFIGURED
from domicile.demo.plan import ClusterPlan, Plan
from domicile.demo.samples import needs_npm
from domicile.directory.settings import PlanSettings
from domicile.host.preflight import NoPlace, check_places
from domicile.runtime.ports import free_port

# Below what Linux gives to outgoing connections, and apart from what apps get.
_PORTS = range(10_000, 20_000)

_OF_ALL = (
    "nameserver", "nameserver_admin", "directory", "directory_admin", "customer_dns",
)  # fmt: skip
_OF_A_CLUSTER = ("manager", "manager_admin", "proxy", "link", "proxy_admin")
_CEDAR = ClusterPlan("cedar", "127.0.0.13")
_PREFERS = (("free",), ("pro",), ("team",))
_SLEEP_SECONDS = 1.0

SLEEPY_PLAN = "trial"
"""The plan whose apps sleep as soon as it can be told of."""

_SLEEPY_OWNER = "cy"


def tour_plan(plan: Plan) -> Plan:
    """Give the plan with what the tour tells of; its places stay as they are."""
    usual = Plan()
    clusters = plan.clusters if len(plan.clusters) > 2 else (*plan.clusters, _CEDAR)
    if len(clusters) < len(_PREFERS):
        raise BadConfiguration(
            f"the tour needs {len(_PREFERS)} clusters: two of the plan, and one more"
        )
    chosen = zip(clusters, _PREFERS, strict=False)
    return msgspec.structs.replace(
        plan,
        clusters=tuple(
            msgspec.structs.replace(each, prefers=prefers) for each, prefers in chosen
        ),
        owners={**usual.owners, _SLEEPY_OWNER: SLEEPY_PLAN},
        plans={**usual.plans, SLEEPY_PLAN: PlanSettings(_SLEEP_SECONDS)},
        # The tour tells nothing of what npm would have to be waited for.
        apps=tuple(each for each in usual.apps if not needs_npm(each.name)),
    )


def where_free(plan: Plan, say: Callable[[str], None]) -> Plan:
    """Give the plan at its own ports, or at others where one of those is taken."""
    try:
        check_places(plan.places(), CONFIGURED)
    except NoPlace:
        say("a demo or another program has the usual ports: others are taken")
        return _elsewhere(plan)
    return plan


def _elsewhere(plan: Plan) -> Plan:
    chosen: list[int] = []

    def choose(*names: str) -> dict[str, int]:
        for _ in names:
            chosen.append(free_port(avoid=chosen, among=_PORTS))
        return dict(zip(names, chosen[-len(names) :], strict=True))

    return msgspec.structs.replace(
        plan,
        clusters=tuple(
            msgspec.structs.replace(each, **choose(*_OF_A_CLUSTER))
            for each in plan.clusters
        ),
        **choose(*_OF_ALL),
    )
