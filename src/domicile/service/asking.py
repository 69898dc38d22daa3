"""Asks another service's admin listener: a JSON page, or a sentence that says why not."""

from typing import Any

import httpx
import msgspec

from domicile.config import Address, BadConfiguration
from domicile.errors import DomicileError

PATIENCE = 3.0


class NoAnswer(DomicileError):
    """An admin listener did not tell what was asked."""


def open_client() -> httpx.AsyncClient:
    """Open what the admin listeners are asked with: they speak plain HTTP."""
    # No certificate is ever looked at, and a proxy of the environment has no business
    # between our own services.
    return httpx.AsyncClient(verify=False, trust_env=False)  # noqa: S501


async def ask_admin(
    client: httpx.AsyncClient,
    address: str,
    path: str,
    query: dict[str, str],
    patience: float = PATIENCE,
) -> Any:
    """Give the page of the admin listener at an `address:port`; raises NoAnswer."""
    try:
        url = f"http://{Address.parse(address)}{path}"
        answer = await client.get(url, params=query, timeout=patience)
        page = msgspec.json.decode(answer.content)
    except BadConfiguration as error:
        raise NoAnswer(f"its admin listener is unknown: {error}") from error
    except httpx.TimeoutException as error:
        raise NoAnswer(
            f"its admin listener at {address} did not answer within {patience:g} s"
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NoAnswer(
            f"its admin listener at {address} does not answer: {error}"
        ) from error
    except msgspec.DecodeError as error:
        raise NoAnswer(f"what answers at {address} is no admin listener") from error
    if answer.status_code != httpx.codes.OK:
        said = page.get("message", "") if isinstance(page, dict) else ""
        raise NoAnswer(f"its admin listener at {address} says: {said}")
    return page
