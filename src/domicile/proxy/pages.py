"""What the proxy answers by itself: a short page with the request's id.

Nothing of the request is repeated in it, so it can carry nobody's script.
"""

from http import HTTPStatus
from typing import Final

_EXPLANATIONS: Final = {
    400: "This request is not HTTP as it should be.",
    404: "There is no app at this address.",
    405: "This method is not served here.",
    408: "The request did not come to its end.",
    410: "The app that was at this address has been deleted.",
    414: "The address asked for is too long.",
    417: "The only expectation met here is 100-continue.",
    429: "There are too many connections from this client's address.",
    431: "The fields of this request are too large.",
    501: "The only transfer coding known here is chunked.",
    502: "The app at this address broke the connection or refused it.",
    503: "The app at this address is not ready. Try again in a moment.",
    504: "The app at this address did not answer in time.",
    508: "This request goes round in a circle, and has been here before.",
    505: "Only HTTP/1.0 and HTTP/1.1 are spoken here.",
}


def write_health(cluster: str, *, method: bytes, keep_alive: bool) -> bytes:
    """Write the answer to a probe: it came to a proxy of this cluster, who can route."""
    body = f"{cluster}\n".encode("ascii")
    lines = (
        "HTTP/1.1 200 OK",
        "Content-Type: text/plain; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Connection: " + ("keep-alive" if keep_alive else "close"),
    )
    head = "\r\n".join((*lines, "", "")).encode("ascii")
    return head if method == b"HEAD" else head + body


def write_page(
    status: int,
    request_id: str,
    *,
    method: bytes = b"GET",
    keep_alive: bool = False,
    retry_after: int = 1,
) -> bytes:
    """Write the whole response; to HEAD, without its body."""
    title = f"{status} {HTTPStatus(status).phrase}"
    body = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<h1>{title}</h1><p>{_EXPLANATIONS[status]}</p>"
        f"<p>Request <code>{request_id}</code></p></html>\n"
    ).encode("ascii")
    lines = [
        f"HTTP/1.1 {title}",
        "Content-Type: text/html; charset=utf-8",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        f"X-Request-Id: {request_id}",
    ]
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        lines.append(f"Retry-After: {retry_after}")
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        # RFC 9110 section 15.5.6: "The origin server MUST generate an Allow header".
        lines.append("Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
    lines.append("Connection: " + ("keep-alive" if keep_alive else "close"))
    head = "\r\n".join([*lines, "", ""]).encode("ascii")
    return head if method == b"HEAD" else head + body
