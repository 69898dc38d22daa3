"""Errors as their callers see them: application/problem+json (RFC 9457)."""

import errno
import http
from typing import Any

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException

from domicile.config import BadConfiguration
from domicile.directory.access import Forbidden, Unauthenticated
from domicile.directory.apps import (
    AlreadyThere,
    ClusterLost,
    MoveInProgress,
    NotFound,
    NotLive,
)
from domicile.directory.authority import BadSigningRequest
from domicile.directory.bodies import BadBody
from domicile.directory.challenges import NotYetEverywhere
from domicile.directory.domains import TooManyDomains
from domicile.directory.idempotency import BadIdempotencyKey, KeyReused
from domicile.directory.registry import BadRequest
from domicile.directory.zone_keys import KeysInUse
from domicile.errors import DomicileError
from domicile.model.challenges import BadValue, NotAChallenge, TooManyValues
from domicile.model.feed import BadFeed
from domicile.model.names import BadName
from domicile.model.placement import NoRoom
from domicile.model.schedules import BadTime
from domicile.runtime.blobs import NoSuchBlob, NotADigest, WrongDigest
from domicile.service.asking import NoAnswer
from domicile.store.dialect import StoreFull
from domicile.store.transaction import StaleGeneration

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})

MEDIA_TYPE = "application/problem+json"

# A subclass answers as its nearest listed ancestor.
STATUSES: dict[type[DomicileError], int] = {
    BadBody: 400,
    BadConfiguration: 400,  # an address in a body
    BadFeed: 400,
    BadIdempotencyKey: 400,
    BadName: 400,
    BadRequest: 400,
    BadSigningRequest: 400,
    BadTime: 400,
    BadValue: 400,
    NotAChallenge: 400,
    NotADigest: 400,
    WrongDigest: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NoSuchBlob: 404,
    NotFound: 404,
    AlreadyThere: 409,
    ClusterLost: 409,
    KeysInUse: 409,
    MoveInProgress: 409,
    NoRoom: 409,
    NotLive: 409,
    StaleGeneration: 409,
    TooManyDomains: 409,
    TooManyValues: 409,
    KeyReused: 422,
    NoAnswer: 502,
    NotYetEverywhere: 503,
    StoreFull: 507,
    DomicileError: 500,
}

# What operators should read about, too.
_OURS = frozenset({500, 507})

_log = structlog.get_logger()


class Problem(msgspec.Struct, frozen=True):
    """A problem details object; `type` names the error for programs."""

    type: str
    title: str
    status: int
    detail: str


def problem_of(error: Exception) -> Problem:
    """Say what a caller may know of an error: of an unexpected one, nothing."""
    if isinstance(error, DomicileError):
        status = next(
            STATUSES[each] for each in type(error).__mro__ if each in STATUSES
        )
        return _problem(type(error).__name__, status, str(error))
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return _problem("DiskFull", 507, "the directory's disk has no room for it")
    if isinstance(error, HTTPException):
        return _problem("HTTPException", error.status_code, _words_of(error))
    return _problem(
        "Unexpected", 500, "the directory failed in a way that its log describes"
    )


def respond(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Answer a request with the problem that ended it."""
    problem = problem_of(error)
    if problem.status in _OURS:
        path = request.scope["path"]
        _log.error("request failed", path=path, exc_info=error)
    headers = dict(getattr(error, "headers", None) or {})
    if problem.status == 401:
        # RFC 9110, section 15.5.2: "The server generating a 401 response MUST send a
        # WWW-Authenticate header field"
        headers["WWW-Authenticate"] = "Bearer"
    return Response(
        msgspec.json.encode(problem),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def _problem(name: str, status: int, detail: str) -> Problem:
    # RFC 9457, section 4.2.1: with "about:blank" the title is the status's phrase.
    kind = "about:blank" if name == "HTTPException" else f"urn:domicile:{name}"
    return Problem(kind, http.HTTPStatus(status).phrase, status, detail)


def _words_of(error: HTTPException) -> str:
    if isinstance(error.extra, list):
        said = [str(each.get("message")) for each in error.extra if "message" in each]
        if said:
            return "; ".join(said)
    return error.detail
