"""A visitor of the demo, as any client is: asks DNS, and then the address that it gave."""

import contextlib
import http.client
from collections.abc import Iterator
from threading import Lock
from typing import Any

import dns.exception
import dns.message
import dns.query
import dns.rdatatype
import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from domicile.demo.plan import ClusterPlan, Plan
from domicile.demo.tour.expectation import Unexpected

_SECONDS = 20.0
_DNS_SECONDS = 5.0


class Visitor:
    """Asks questions and makes requests, and counts them."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._lock = Lock()
        # A connection each: none is kept from before a move.
        single = httpx.Limits(max_keepalive_connections=0)
        self._web = httpx.Client(trust_env=False, timeout=_SECONDS, limits=single)
        self.questions = 0
        self.requests = 0
        self.failed = 0

    def ask(
        self, name: str, kind: str = "A", *, tcp: bool = False
    ) -> dns.message.Message:
        """Ask the name server; raises Unexpected where it does not answer."""
        query = dns.message.make_query(name, kind)
        ask = dns.query.tcp if tcp else dns.query.udp
        self.count(questions=1)
        try:
            return ask(query, self._plan.host, _DNS_SECONDS, port=self._plan.nameserver)
        except (dns.exception.DNSException, OSError) as error:
            raise Unexpected(
                f"asked for {name}, the name server at {self._plan.host} port "
                f"{self._plan.nameserver} did not answer: {error or type(error).__name__}"
            ) from error

    def resolve(self, name: str, *, tcp: bool = False) -> str:
        """Give the address that DNS gives; raises Unexpected where there is none."""
        answer = self.ask(name, tcp=tcp)
        for rrset in answer.answer:
            if rrset.rdtype == dns.rdatatype.A:
                return str(rrset[0])
        raise Unexpected(f"the name server gave no address for {name}")

    def has_answer(self, name: str) -> bool:
        """Whether the name server answers at all: it may be starting."""
        try:
            self.ask(name, tcp=True)
        except Unexpected:
            return False
        return True

    def cluster_at(self, address: str) -> ClusterPlan:
        """Give the cluster whose load balancer is there; raises Unexpected."""
        for each in self._plan.clusters:
            if each.host == address:
                return each
        raise Unexpected(f"no cluster is at {address}")

    def fetch(
        self, host: str, cluster: ClusterPlan, path: str = "/", **more: Any
    ) -> httpx.Response:
        """Ask a cluster for a host, GET if nothing else is said; raises Unexpected."""
        url = f"http://{cluster.host}:{cluster.proxy}{path}"
        headers = {"Host": host, **more.pop("headers", {})}
        self.count(requests=1)
        try:
            method = more.pop("method", "GET")
            return self._web.request(method, url, headers=headers, **more)
        except httpx.TransportError as error:
            raise Unexpected(
                f"a request for {host} in {cluster.name} failed: {error!r}"
            ) from error

    @contextlib.contextmanager
    def chat(self, host: str, cluster: ClusterPlan) -> Iterator[ClientConnection]:
        """Open a WebSocket for a block; raises Unexpected where it breaks."""
        self.count(requests=1)
        try:
            connection = open_connection(cluster)
            with connect(
                f"ws://{host}/", sock=connection.sock, proxy=None, close_timeout=1
            ) as opened:
                yield opened
        except (OSError, WebSocketException) as error:
            raise Unexpected(
                f"the chat with {host} in {cluster.name} broke: {error}"
            ) from error

    def close(self) -> None:
        self._web.close()

    def count(self, *, questions: int = 0, requests: int = 0, failed: int = 0) -> None:
        """Count what was asked, also by others, on whatever thread."""
        with self._lock:
            self.questions += questions
            self.requests += requests
            self.failed += failed


def open_connection(cluster: ClusterPlan) -> http.client.HTTPConnection:
    """Connect to a cluster's proxy, for what goes over this one connection."""
    opened = http.client.HTTPConnection(cluster.host, cluster.proxy, timeout=_SECONDS)
    opened.connect()
    opened.auto_open = False  # Never a second one unseen.
    return opened
