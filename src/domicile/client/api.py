"""Asks the directory's API; what goes wrong is one sentence."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from domicile.client.access import Access
from domicile.client.archive import pack
from domicile.clock import monotonic
from domicile.errors import DomicileError

_SECONDS = 60.0
_CONNECT_SECONDS = 5.0
_SLOW_SECONDS = 2.0  # so long nobody wonders
_WAIT_SECONDS = 20
_MOVE_PATIENCE = 300.0
_CLUSTER_PATIENCE = 60.0
_AWAY_PATIENCE = 30.0
_LOOK_SECONDS = 1.0
_PIECE = 64 * 1024
_ENDS = frozenset({"finished", "failed", "withdrawn"})
_MOVE_IN_PROGRESS = "urn:domicile:MoveInProgress"

Json = dict[str, Any]
OnStep = Callable[[Json], None]
OnWait = Callable[[str], None]
OnSent = Callable[[int, int], object]


class _Problem(msgspec.Struct, frozen=True):
    """What matters to us of a problem details object (RFC 9457)."""

    detail: str
    type: str = ""


class Refused(DomicileError):
    """The API did not do it, and says why; `kind` is the problem's type."""

    def __init__(self, message: str, kind: str = "") -> None:
        super().__init__(message)
        self.kind = kind


class Unreachable(DomicileError):
    """The API does not answer."""


class NotAnApi(DomicileError):
    """The address is none, or what answers there is no directory."""


class Api:
    """The directory's API, as one caller sees it; raises NotAnApi.

    `on_slow` is told of an answer that takes longer than was asked for.
    """

    def __init__(
        self,
        access: Access,
        seconds: float = _SECONDS,
        *,
        on_slow: OnWait | None = None,
    ) -> None:
        self._url = access.url
        self._on_slow = on_slow
        try:
            self._client = httpx.Client(
                base_url=access.url.rstrip("/") + "/v1",
                headers={"Authorization": f"Bearer {access.token}"},
                timeout=httpx.Timeout(seconds, connect=min(seconds, _CONNECT_SECONDS)),
                trust_env=False,
            )
        except httpx.InvalidURL as error:
            raise NotAnApi(
                f"{access.url!r} is no URL of a directory: {error}"
            ) from error

    def close(self) -> None:
        self._client.close()

    def get(self, path: str, **query: Any) -> Json:
        """Give a JSON object; raises Refused or Unreachable."""
        return self._ask("GET", path, params=query)

    def post(self, path: str, body: Json, key: str = "") -> Json:
        """Post once, however often it is sent; raises Refused or Unreachable.

        With a `key` also what is sent by a later caller is the same post.
        """
        header = {"Idempotency-Key": key or secrets.token_hex(16)}
        return self._ask("POST", path, json=body, headers=header)

    def post_after_moves(self, path: str, body: Json, on_wait: OnWait) -> Json:
        """Post what no open move of the app allows, once there is none.

        Raises Refused, also where a move has not ended after five minutes.
        """
        key = {"Idempotency-Key": secrets.token_hex(16)}
        deadline = monotonic() + _MOVE_PATIENCE
        wait = 0
        while True:
            more = {"json": body, "headers": key, "params": {"wait": wait}}
            try:
                if not wait:
                    return self._ask("POST", path, **more)
                return self._ask_again("POST", path, **more)
            except Refused as refusal:
                if refusal.kind != _MOVE_IN_PROGRESS or monotonic() >= deadline:
                    raise
                if not wait:
                    on_wait(str(refusal))
            wait = _WAIT_SECONDS

    def put(self, path: str, body: Json) -> Json:
        """Have it so, however often it is sent; raises Refused or Unreachable."""
        return self._ask("PUT", path, json=body)

    def deploy(self, app: Json, folder: Path, on_sent: OnSent | None = None) -> Json:
        """Store the folder as a blob and plan the app's deployment: gives the move.

        `on_sent` is told how many of how many bytes have been sent, from none on.
        """
        archive = pack(folder)
        self._ask(
            "PUT",
            f"/blobs/{archive.digest}",
            content=_in_pieces(archive.data, on_sent or _nobody),
            headers={"Content-Length": str(len(archive.data))},
        )
        release = {"digest": archive.digest, "size": len(archive.data)}
        return self.post("/apps", app | release) | {"size": len(archive.data)}

    def wait_for(self, move: Json, on_step: OnStep) -> Json:
        """Wait until the move has ended; raises Refused where it failed.

        An answer comes at its end, or after a second: so each step is seen that takes one.
        """
        step = None
        while True:
            wait = _LOOK_SECONDS if step else 0
            path = f"/moves/{move['id']}"
            move = self._ask_again("GET", path, params={"wait": wait})
            if move["step"] != step:
                step = move["step"]
                on_step(move)
            if step in _ENDS:
                break
        if step == "failed":
            raise Refused(move.get("error") or "the move failed")
        return move

    def wait_until_done(self, app: Json) -> Json:
        """Wait until the app's cluster has done what is wanted, or a minute is over."""
        deadline = monotonic() + _CLUSTER_PATIENCE
        while app["cluster"] in app["waits_for"] and monotonic() < deadline:
            query = {"wait": _LOOK_SECONDS}
            app = self._ask_again("GET", f"/apps/{app['id']}", params=query)
        return app

    def _ask_again(self, method: str, path: str, **more: Any) -> Json:
        """Ask while we wait anyway: a directory that restarts is waited for, too."""
        deadline = monotonic() + _AWAY_PATIENCE
        while True:
            try:
                return self._ask(method, path, **more)
            except Unreachable:
                if monotonic() >= deadline:
                    raise
            time.sleep(_LOOK_SECONDS)

    def _ask(self, method: str, path: str, **more: Any) -> Json:
        wait = more.get("params", {}).get("wait", 0)
        try:
            with self._watched(wait + _SLOW_SECONDS):
                answer = self._client.request(method, path, **more)
        except httpx.UnsupportedProtocol as error:
            raise NotAnApi(
                f"{self._url!r} is no URL of a directory: {error}"
            ) from error
        except httpx.ConnectTimeout as error:
            raise Unreachable(
                f"the directory at {self._url} did not take a connection in "
                f"{_CONNECT_SECONDS:.0f} s"
            ) from error
        except httpx.TransportError as error:
            raise Unreachable(
                f"the directory at {self._url} does not answer: {error}"
            ) from error
        except UnicodeEncodeError as error:
            raise Refused(f"{error.object!r} is not text in UTF-8") from error
        if not answer.is_success:
            raise _refusal(answer)
        return self._object_in(answer) if answer.content else {}

    @contextmanager
    def _watched(self, seconds: float) -> Iterator[None]:
        """Tell who wants to know if the block takes longer than that."""
        if self._on_slow is None:
            yield
            return
        line = f"the directory at {self._url} has not answered yet: waiting for it"
        timer = threading.Timer(seconds, self._on_slow, [line])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _object_in(self, answer: httpx.Response) -> Json:
        try:
            found: Json = msgspec.json.decode(answer.content, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise NotAnApi(
                f"what answers at {self._url} is no directory: {error}"
            ) from error
        return found


def _in_pieces(data: bytes, on_sent: OnSent) -> Iterator[bytes]:
    for start in range(0, len(data), _PIECE):
        on_sent(start, len(data))
        yield data[start : start + _PIECE]
    on_sent(len(data), len(data))


def _nobody(_sent: int, _size: int) -> None:
    """Is told, and does not care."""


def _refusal(answer: httpx.Response) -> Refused:
    try:
        problem = msgspec.json.decode(answer.content, type=_Problem)
    except msgspec.DecodeError:
        status = f"{answer.status_code} {answer.reason_phrase}"
        return Refused(f"the directory answered {status}")
    return Refused(problem.detail, problem.type)
