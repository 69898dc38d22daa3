"""What the demo does once its folder is its own: start, join, deploy, tell.

Each step finds what an earlier start of the same folder has done, and goes on.
"""

from functools import partial
from pathlib import Path

from domicile.client.api import Api, Json, Refused
from domicile.client.recognition import recognise
from domicile.demo.plan import AppPlan, ClusterPlan, Plan
from domicile.demo.samples import LeftOut, lay_out
from domicile.host.foreground import Say
from domicile.host.probe import Probe
from domicile.host.services import Services
from domicile.host.starting import Starting
from domicile.runtime.durable import write_durably

_RUNNING = "running"
_ASLEEP = "asleep"


class Story:
    """One start of the demo, from the directory to the last app that answers."""

    def __init__(self, plan: Plan, data: Path, services: Services, say: Say) -> None:
        self._plan = plan
        self._data = data
        self._services = services
        self._say = say
        self._probe = Probe()

    def play(self) -> dict[str, ClusterPlan]:
        """Start everything; when what runs answers, give where each app lives."""
        api = Starting(
            self._plan.parts(), self._data, self._services, self._say, self._probe
        ).start()
        assert api is not None, "a demo has a directory"
        self._deploy_all(api)
        there = {
            f"{row['name']}.{row['owner']}": row for row in api.get("/apps")["rows"]
        }
        homes = {}
        for app in self._plan.apps:
            row = there.get(app.full_name)
            if row and (home := self._wait_for_app(app.full_name, row)):
                homes[app.full_name] = home
        api.close()
        self._probe.close()
        return homes

    def _deploy(self, api: Api, app: AppPlan) -> Json | None:
        """Plan the app's deployment, unless it is there."""
        try:
            api.get(f"/apps/{app.full_name}")
        except Refused:
            try:
                run = partial(self._services.run, "npm")
                folder = lay_out(app.name, self._data / "samples", run)
            except LeftOut as error:
                self._say(f"app {app.full_name}: left out: {error}")
                return None
            command = recognise(folder).command
            wanted = {"owner": app.owner, "name": app.name, "command": command}
            return api.deploy(wanted, folder)
        return None

    def _deploy_all(self, api: Api) -> None:
        """Deploy the sample apps once a folder: what was deleted since stays so."""
        done = self._data / "deployed"
        if done.exists():
            return
        for owner, plan in self._plan.owners.items():
            _unless_there(api, "/owners", {"name": owner, "plan": plan})
        moves = [self._deploy(api, app) for app in self._plan.apps]
        for app, move in zip(self._plan.apps, moves, strict=True):
            if move is not None:
                api.wait_for(move, lambda _: None)
                self._say(f"app {app.full_name}: deployed to {move['target']}")
        write_durably(done, b"")

    def _wait_for_app(self, name: str, app: Json) -> ClusterPlan | None:
        """Wait until a running app answers, and give where it lives."""
        place = self._plan.find_cluster(app.get("cluster", ""))
        if app["state"] == _ASLEEP and place is not None:
            self._say(f"app {name}: sleeps in {place.name}")
            return place
        if app["state"] != _RUNNING or place is None:
            self._say(f"app {name}: {app['state']}")
            return None
        host = f"{name}.{self._plan.zone}"
        url, wait_until = place.url, self._services.wait_until
        names, resolve = self._plan.names, self._probe.resolve
        wait_until("nameserver", lambda: resolve(names, host) == place.host)
        wait_until(f"proxy-{place.name}", lambda: self._probe.serves(url, host))
        self._say(f"app {name}: answers in {place.name}")
        return place


def _unless_there(api: Api, path: str, body: dict[str, str]) -> None:
    try:
        api.get(f"{path}/{body['name']}")
    except Refused:
        api.post(path, body)
