"""Brings to the directory what keys have signed, under the name server's own token."""

import ssl

import httpx
import msgspec

from domicile.errors import DomicileError
from domicile.model.challenges import Update, Updated
from domicile.replica.follower import Source

_PATH = "/v1/updates"

# The directory answers within 8 s; so it has a second, and who is away is soon known.
_TIMEOUT = httpx.Timeout(9.0, connect=2.0)

_LONGEST_DETAIL = 200

_decoder = msgspec.json.Decoder(Updated)


class NotTaken(DomicileError):
    """The directory says that it does not do it, and why."""


class NotDone(DomicileError):
    """The directory does not answer, or cannot say yet that it is done."""


class Courier:
    """Brings updates to the owner of the store that is followed."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._client: httpx.AsyncClient | None = None

    async def bring(self, update: Update) -> Updated:
        """Have an update done, or know that it was; raises NotTaken, NotDone."""
        body = msgspec.json.encode(update)
        try:
            answer = await self._post(body)
        except httpx.HTTPError as error:
            reason = str(error) or type(error).__name__
            raise NotDone(f"the directory does not answer: {reason}") from error
        if answer.is_success:
            return _decoder.decode(answer.content)
        detail = _detail_of(answer)
        # Of what it does not know itself the directory does not say that it is refused.
        refused = answer.is_client_error and answer.status_code != 401
        raise NotTaken(detail) if refused else NotDone(detail)

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def _post(self, body: bytes) -> httpx.Response:
        if self._client is None:
            self._client = self._connect()
        try:
            return await self._client.post(_PATH, content=body)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            # What was open since the last time may be closed by now; and to bring it
            # once more is harmless.
            return await self._client.post(_PATH, content=body)

    def _connect(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self._source.url,
            headers={
                "Authorization": f"Bearer {self._source.token}",
                "Content-Type": "application/json",
            },
            timeout=_TIMEOUT,
            verify=ssl.create_default_context(cafile=self._source.ca_file),
            # A proxy of the environment has no business between our own services.
            trust_env=False,
        )


class _Problem(msgspec.Struct, frozen=True):
    detail: str


def _detail_of(answer: httpx.Response) -> str:
    """Give what the directory says, at most as much as a reply has room for."""
    try:
        detail = msgspec.json.decode(answer.content, type=_Problem).detail
    except msgspec.DecodeError:
        return f"the directory answered {answer.status_code}"
    return detail[:_LONGEST_DETAIL]
