"""Asks what runs here, as those would who are served by it."""

from collections.abc import Callable

import dns.exception
import dns.message
import dns.query
import httpx

from domicile.config import Address
from domicile.host.parts import asked_at

_OK = httpx.codes.OK


class Probe:
    """Asks services of this host; who does not answer is None."""

    def __init__(self) -> None:
        self._web = httpx.Client(trust_env=False)

    def close(self) -> None:
        self._web.close()

    def resolve(self, nameserver: Address, name: str, kind: str = "A") -> str | None:
        """Ask a name server for the first record of a kind; None without one."""
        server = asked_at(nameserver)
        query = dns.message.make_query(name, kind)
        try:
            answer = dns.query.udp(query, server.host, timeout=1, port=server.port)
        except (dns.exception.DNSException, OSError):
            return None
        return str(answer.answer[0][0]) if answer.answer else None

    def is_well(self, admin: Address) -> Callable[[], bool]:
        """Say whether a service follows, and has all that it needs to serve."""
        url = f"http://{asked_at(admin)}/healthz"
        return lambda: self.status(url) == _OK

    def says(self, admin: Address) -> str:
        """Give what is wrong with a service, by its own word."""
        try:
            found = self._web.get(f"http://{asked_at(admin)}/healthz").json()
        except (httpx.TransportError, ValueError):
            return ""
        return str(found.get("message", "")) if isinstance(found, dict) else ""

    def answers(self, url: str) -> bool:
        return self.status(url) is not None

    def serves(self, url: str, host: str) -> bool:
        return self.status(url, host) == _OK

    def status(self, url: str, host: str | None = None) -> int | None:
        try:
            headers = {"Host": host} if host else {}
            return self._web.get(url, headers=headers).status_code
        except httpx.TransportError:
            return None
