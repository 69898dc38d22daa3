"""Bad input is one clear line; and what everybody says of a host."""

import os
import socket
import subprocess
import sys

from domicile.demo.plan import ClusterPlan
from domicile.demo.tour.chapters.moves import APP
from domicile.demo.tour.expectation import Unexpected, expect
from domicile.demo.tour.stage import APPS, Stage
from domicile.runtime.childhood import follow

_SECONDS = 60.0
_VERBS = (
    ("app", "move", APP, "--to", "nowhere"),
    ("app", "show", "nobody.ada"),
    ("app", "deploy", "a--b.ada", "hello", "--command", "true"),
    ("owner", "add", "www"),
)
_FORMERR = 1


def make_mistakes(stage: Stage) -> None:
    for verb in _VERBS:
        ran = _run(stage, *verb)
        lines = ran.stderr.splitlines()
        if ran.returncode == 0 or len(lines) != 1 or ran.stdout:
            raise Unexpected(
                f"`domicile {' '.join(verb)}` was to fail with one line, and ended with "
                f"status {ran.returncode}: {ran.stdout}{ran.stderr}"
            )
        stage.teller.draw([f"$ domicile {' '.join(verb)}", f"  {lines[0]}"])
    stage.teller.checked("Each is refused whole, with one line and an exit status.")
    _send_no_packet(stage)
    _send_no_request(stage, stage.clusters[0])
    _explain(stage)


def _send_no_packet(stage: Stage) -> None:
    """Ask a question that ends in the middle of its name."""
    query = bytes.fromhex("0d0d 0100 0001 0000 0000 0000 05") + b"hel"
    place = stage.plan.host, stage.plan.nameserver
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(5)
        asking.sendto(query, place)
        try:
            answer = asking.recv(512)
        except TimeoutError as error:
            raise Unexpected("a malformed question got no answer in 5 s") from error
    expect("rcode of a malformed question", answer[3] & 15, _FORMERR)
    stage.teller.draw(["client ── half a question ──> name server ──> FORMERR"])


def _send_no_request(stage: Stage, cluster: ClusterPlan) -> None:
    with socket.create_connection((cluster.host, cluster.proxy), timeout=5) as asking:
        asking.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n")
        said = asking.makefile("rb").read().split(b"\r\n")[0].decode()
    expect("answer to two Hosts", said, "HTTP/1.1 400 Bad Request")
    stage.teller.draw(
        [f"client ── two Hosts ──> proxy in {cluster.name} ──> 400, and the end"]
    )
    stage.teller.checked("What is malformed gets the answer that its RFC has for it.")


def _explain(stage: Stage) -> None:
    host = stage.host_of(APP)
    ran = _run(stage, "explain", host)
    if ran.returncode or host.partition(".")[0] not in ran.stdout:
        raise Unexpected(f"`domicile explain {host}` said: {ran.stdout}{ran.stderr}")
    table = [line.rstrip() for line in ran.stdout.splitlines()]
    stage.teller.draw([f"$ domicile explain {host}", *table])
    stage.teller.checked("Everybody who routes tells what it would do, and since when.")


def _run(stage: Stage, *verb: str) -> subprocess.CompletedProcess[str]:
    """Run a verb as its users do, where the sample apps lie."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "domicile", *verb, "--data", str(stage.data)],
        cwd=APPS,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
        # It is no service, so nobody else would end it.
        preexec_fn=follow(os.getpid()),
    )
