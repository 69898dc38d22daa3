"""A deleted app says so, and its name is nobody else's."""

import secrets

from domicile.client.access import Access
from domicile.client.api import Api, Refused
from domicile.demo.tour.chapters.placement import BY_PLAN as APP
from domicile.demo.tour.expectation import Unexpected, expect, wait_until
from domicile.demo.tour.stage import Stage


def delete_an_app(stage: Stage) -> None:
    home = stage.home_of(APP)
    host, app = stage.host_of(APP), stage.api.get(f"/apps/{APP}")
    permanent = stage.host_of(app["id"])
    stage.draw(host, None, home)
    deleted = stage.api.post_after_moves(f"/apps/{APP}/delete", {}, stage.teller.note)
    stage.api.wait_until_done(deleted)
    for each in (host, permanent):
        _expect_gone(stage, each)
    stage.teller.checked(f"For a week both of its hosts say 410, in {home.name}.")
    _try_to_take_it(stage, app["id"])
    stage.deploy(APP)
    _expect_other_app(stage, host, permanent)


def _expect_gone(stage: Stage, host: str) -> None:
    cluster = stage.visitor.cluster_at(stage.visitor.resolve(host))
    # The proxies have it a moment after the manager.
    wait_until(
        f"410 for {host}",
        lambda: stage.visitor.fetch(host, cluster).status_code == 410,
    )
    stage.teller.draw(
        [
            f"client ── DNS: {host}? ──> {cluster.host} ({cluster.name})",
            f"  └── GET / ──> proxy in {cluster.name} ──> 410 Gone",
        ]
    )


def _try_to_take_it(stage: Stage, app_id: str) -> None:
    """Let another owner try to get the name, and somebody the id's host."""
    name, _, owner = APP.partition(".")
    other = f"eve-{secrets.token_hex(3)}"
    joined = stage.api.post("/owners", {"name": other, "plan": "free"})
    eve = Api(Access(stage.plan.url, joined["token"]))
    body = {"owner": owner, "name": name, "command": "true", "digest": "0" * 64}
    try:
        said = [_refusal(eve, "/apps", body)]
    finally:
        eve.close()
    said.append(_refusal(stage.api, "/owners", {"name": app_id, "plan": "free"}))
    for each in said:
        stage.teller.note(f"domicile: {each}")
    stage.teller.checked(
        f"{other} does not get {APP}, and nobody becomes the owner “{app_id}”: a "
        "customer's forgotten CNAME to the id's host cannot be taken over."
    )


def _refusal(api: Api, path: str, body: dict[str, str]) -> str:
    try:
        api.post(path, body)
    except Refused as refusal:
        return str(refusal)
    raise Unexpected(f"{path} took {body}, and should not")


def _expect_other_app(stage: Stage, host: str, permanent: str) -> None:
    home = stage.home_of(APP)
    stage.draw(host, None, home)
    answer = stage.visitor.fetch(permanent, home)
    expect(f"status of {permanent}", answer.status_code, 410)
    stage.teller.checked(
        "Its owner may use the name again, for another app; the old id says 410 on."
    )
