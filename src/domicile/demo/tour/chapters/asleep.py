"""The control plane is asleep: what is known goes on, what is not known is no."""

import dns.rcode

from domicile.client.api import Unreachable
from domicile.demo.plan import ClusterPlan
from domicile.demo.tour.chapters.moves import APP
from domicile.demo.tour.crowd import Crowd
from domicile.demo.tour.expectation import Unexpected, expect, wait_until
from domicile.demo.tour.stage import Stage

_BEHIND_TTL = 5
_NAMESERVER = "nameserver"


def lose_all_control(stage: Stage) -> None:
    first, second, third = stage.clusters
    control = ("directory", *(f"manager-{each.name}" for each in stage.clusters))
    host = stage.host_of(APP)
    stage.bring(APP, third)
    _ask_for_nobody(stage, first, status=404)
    crowd = Crowd(stage.visitor, host, first)
    with crowd.asking():
        stage.services.kill(*control)
        stage.teller.note(f"killed: {', '.join(control)}")
        _expect_silence(stage)
        wait_until("proxies that know it", lambda: all(stage.proxies.behind()))
        wait_until("a name server that knows it", lambda: _ttl(stage) == _BEHIND_TTL)
    stage.show_crowd(crowd)
    expect(f"TCP address of {host}", stage.visitor.resolve(host, tcp=True), third.host)
    for at in (None, first, second):
        stage.draw(host, at, third)
    stage.teller.checked(
        "Names resolve, apps answer, tombstones forward: from replicas."
    )
    _ask_for_nobody(stage, first, status=503)
    stage.teller.checked(
        "What is not known might be new, so nobody says a confident no: a proxy says "
        f"503 and when to retry, and a negative answer is cached for {_BEHIND_TTL} s."
    )
    _restart_nameserver(stage, host, third)
    _wake_control(stage, control)


def _expect_silence(stage: Stage) -> None:
    try:
        stage.api.get("/apps")
    except Unreachable as error:
        stage.teller.note(f"domicile: {error}")
    else:
        raise Unexpected("a directory that was killed answered")


def _ttl(stage: Stage) -> int:
    """Give for how long it may be remembered that a name is not there."""
    answer = stage.visitor.ask(stage.host_of("nobody.ada"))
    expect("rcode", dns.rcode.to_text(answer.rcode()), "NXDOMAIN")
    return answer.authority[0].ttl


def _ask_for_nobody(stage: Stage, cluster: ClusterPlan, status: int) -> None:
    host = stage.host_of("nobody.ada")
    answer = stage.visitor.fetch(host, cluster)
    expect(f"status of {host}", answer.status_code, status)
    retry = answer.headers.get("Retry-After")
    if status == 503:
        expect("that it says when to retry", retry is not None, True)
    later = f", Retry-After {retry}" if retry else ""
    stage.teller.draw(
        [
            f"client ── DNS: {host}? ──> NXDOMAIN, for {_ttl(stage)} s",
            f"client ── {cluster.host} ──> proxy in {cluster.name} ──> {status}{later}",
        ]
    )


def _restart_nameserver(stage: Stage, host: str, home: ClusterPlan) -> None:
    stage.services.kill(_NAMESERVER)
    stage.services.start_again(_NAMESERVER)
    wait_until("a name server that answers", lambda: stage.visitor.has_answer(host))
    stage.draw(host, None, home)
    stage.teller.checked(
        "A name server that is restarted alone answers from its replica."
    )


def _wake_control(stage: Stage, control: tuple[str, ...]) -> None:
    first, _, third = stage.clusters
    for each in control:
        stage.services.start_again(each)
    wait_until("proxies that follow again", lambda: not any(stage.proxies.behind()))
    wait_until("a name server that follows", lambda: _ttl(stage) > _BEHIND_TTL)
    _ask_for_nobody(stage, first, status=404)
    stage.move(APP, first)
    host = stage.host_of(APP)
    for at in (None, third):
        stage.draw(host, at, first)
    stage.teller.checked(
        f"Control is awake again, has found the apps that ran on, and moves {APP} home."
    )
