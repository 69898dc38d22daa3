"""Where the chapters play: the demo that runs, those who look at it, and its operator."""

import time
from collections.abc import Callable
from pathlib import Path

import domicile
from domicile.client.access import find_access
from domicile.client.api import Api, Json, Refused
from domicile.demo.customer import CustomerDns
from domicile.demo.plan import ClusterPlan, Plan
from domicile.demo.tour.crowd import Crowd
from domicile.demo.tour.expectation import Unexpected, expect
from domicile.demo.tour.proxies import Proxies
from domicile.demo.tour.route import Observer, Route
from domicile.demo.tour.teller import Teller
from domicile.demo.tour.visitor import Visitor
from domicile.host.services import Services

APPS = Path(domicile.__file__).parent / "demo" / "apps"
_HELLO = "python app.py"
_DELETED = "deleted"


class Stage:
    """What a chapter has at hand."""

    def __init__(
        self,
        plan: Plan,
        data: Path,
        services: Services,
        customer: CustomerDns,
        teller: Teller,
    ) -> None:
        self.plan = plan
        self.customer = customer
        self.data = data
        self.services = services
        self.teller = teller
        self.visitor = Visitor(plan)
        self.proxies = Proxies(plan)
        self.observer = Observer(self.visitor, self.proxies)
        self.api = Api(find_access(data, {}))

    def close(self) -> None:
        for each in (self.visitor, self.proxies, self.api):
            each.close()

    @property
    def clusters(self) -> tuple[ClusterPlan, ClusterPlan, ClusterPlan]:
        """Give the three between which apps move."""
        first, second, third = self.plan.clusters[:3]
        return first, second, third

    def host_of(self, app: str) -> str:
        return f"{app}.{self.plan.zone}"

    def home_of(self, app: str) -> ClusterPlan:
        """Give where the directory says that an app lives."""
        found = self.plan.find_cluster(self.api.get(f"/apps/{app}")["cluster"])
        if found is None:
            raise Unexpected(f"{app} lives nowhere")
        return found

    def deploy(
        self, app: str, to: ClusterPlan | None = None, command: str = _HELLO
    ) -> Json:
        """Deploy `hello` under another name, unless an earlier tour has done so."""
        name, _, owner = app.partition(".")
        try:
            if self.api.get(f"/apps/{app}")["state"] != _DELETED:
                return {}
        except Refused:
            pass
        target = to.name if to else ""
        body = {"owner": owner, "name": name, "command": command, "to": target}
        planned = self.api.deploy(body, APPS / "hello")
        self.api.wait_for(planned, lambda _: None)
        return planned

    def bring(self, app: str, to: ClusterPlan) -> None:
        """Have an app where a chapter begins."""
        if self.home_of(app) != to:
            self.move(app, to)

    def move(
        self, app: str, to: ClusterPlan, on_wait: Callable[[str], None] | None = None
    ) -> Json:
        """Move an app and wait until that has ended; raises Refused where it fails."""
        began = time.monotonic()

        def tell(step: Json) -> None:
            seconds = time.monotonic() - began
            self.teller.note(
                f"{seconds:5.1f} s  {app} to {to.name}: {step['step']} "
                f"(generation {step['generation']})"
            )

        on_wait = on_wait or self.teller.note
        planned = self.api.post_after_moves(
            f"/apps/{app}/moves", {"to": to.name}, on_wait
        )
        return self.api.wait_for(planned, tell)

    def draw(self, host: str, at: ClusterPlan | None, lives: ClusterPlan) -> Route:
        """Follow a request, draw it, and go on only if it ended where the app lives."""
        route = self.observer.follow(host, at)
        self.teller.draw(route.drawn())
        expect(f"where {host} is served", route.answered, lives.name)
        return route

    def show_crowd(self, crowd: Crowd) -> None:
        crowd.show(self.teller, [each.name for each in self.plan.clusters])
