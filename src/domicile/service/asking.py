"""Asks another service: its admin listener, or the directory's API.

Of an admin listener there is a JSON page, or a sentence that says why not.
"""

import ssl
from pathlib import Path
from typing import NamedTuple, TypeVar

import httpx
import msgspec

from domicile.config import Address, BadConfiguration
from domicile.errors import DomicileError

PATIENCE = 3.0

Page = TypeVar("Page")


class NoAnswer(DomicileError):
    """An admin listener did not tell what was asked."""


class Question(NamedTuple):
    """What is asked: a path, its query, and how many seconds are waited."""

    path: str
    query: dict[str, str]
    patience: float = PATIENCE


class _Trouble(msgspec.Struct, frozen=True):
    message: str


def open_client() -> httpx.AsyncClient:
    """Open what the admin listeners are asked with: they speak plain HTTP."""
    # No certificate is ever looked at, and a proxy of the environment has no business
    # between our own services.
    return httpx.AsyncClient(verify=False, trust_env=False)  # noqa: S501


def open_api(url: str, token: str, ca_file: Path | None) -> httpx.AsyncClient:
    """Open what the directory's API is asked with, by its URL and our token."""
    return httpx.AsyncClient(
        base_url=url,
        headers={"Authorization": f"Bearer {token}"},
        timeout=httpx.Timeout(30.0, connect=3.0),
        verify=ssl.create_default_context(cafile=ca_file),
        # A proxy of the environment has no business between our own services.
        trust_env=False,
    )


async def ask_admin(
    client: httpx.AsyncClient, address: str, question: Question, kind: type[Page]
) -> Page:
    """Give a page of the admin listener at an `address:port`; raises NoAnswer."""
    answer = await _ask(client, address, question)
    try:
        if answer.status_code != httpx.codes.OK:
            said = msgspec.json.decode(answer.content, type=_Trouble).message
            raise NoAnswer(f"its admin listener at {address} says: {said}")
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.DecodeError as error:
        raise NoAnswer(
            f"what is said at {address}{question.path} is not understood: {error}"
        ) from error


async def _ask(
    client: httpx.AsyncClient, address: str, question: Question
) -> httpx.Response:
    try:
        url = f"http://{Address.parse(address)}{question.path}"
        return await client.get(url, params=question.query, timeout=question.patience)
    except BadConfiguration as error:
        raise NoAnswer(f"its admin listener is unknown: {error}") from error
    except httpx.TimeoutException as error:
        raise NoAnswer(
            f"its admin listener at {address} did not answer within "
            f"{question.patience:g} s"
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NoAnswer(
            f"its admin listener at {address} does not answer: {error}"
        ) from error
