"""A name finds its cluster."""

import dns.flags
import dns.rcode
import dns.rdatatype

from domicile.demo.tour.expectation import expect
from domicile.demo.tour.stage import Stage

APP = "hello.ada"


def find_a_cluster(stage: Stage) -> None:
    home = stage.home_of(APP)
    hosts = stage.api.get(f"/apps/{APP}")["hosts"]
    for host in hosts:
        for tcp in (False, True):
            address = stage.visitor.resolve(host, tcp=tcp)
            expect(f"address of {host}", address, home.host)
            way = "TCP" if tcp else "UDP"
            stage.teller.draw([f"client ── {way}: {host}? ──> {address} ({home.name})"])
    stage.teller.checked(
        "All of the app's hosts lead to the same load balancer, over UDP and TCP; "
        "the last is permanent and survives every rename."
    )
    _ask_in_mixed_case(stage)
    _ask_for_nobody(stage)


def _ask_in_mixed_case(stage: Stage) -> None:
    name = stage.host_of("HeLLo.Ada")
    answer = stage.visitor.ask(name)
    expect("the question in the answer", str(answer.question[0].name), f"{name}.")
    expect("answers in mixed case", len(answer.answer), 1)
    stage.teller.checked(f"{name} is answered in the case in which it was asked.")


def _ask_for_nobody(stage: Stage) -> None:
    answer = stage.visitor.ask(stage.host_of("nobody.ada"))
    expect("rcode", dns.rcode.to_text(answer.rcode()), "NXDOMAIN")
    kinds = [dns.rdatatype.to_text(each.rdtype) for each in answer.authority]
    expect("authority", kinds, ["SOA"])
    expect("authoritative", bool(answer.flags & dns.flags.AA), True)
    stage.teller.checked(
        f"A name that nobody has is NXDOMAIN, with the zone's SOA to be cached for "
        f"{answer.authority[0].ttl} s."
    )
