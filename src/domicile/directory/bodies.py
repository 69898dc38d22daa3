"""Reads the JSON body of a request, and says what is expected where it cannot.

A body is read straight into its route's struct: what no struct has room for is refused
before anything is built of it.
"""

from typing import Any, TypeVar, get_args

import msgspec
from litestar import Request
from litestar.connection.base import AuthT, StateT, UserT

from domicile.errors import DomicileError

Body = TypeVar("Body")


class BadBody(DomicileError):
    """The request's body is not what its route expects."""


class JsonRequest(Request[UserT, AuthT, StateT]):
    """A request whose body is what its route takes as `data`."""

    async def body(self) -> bytes:
        """Give the body; raises BadBody where there is none and one is expected."""
        body = await super().body()
        field = self.route_handler.parsed_data_field
        if field is not None and not body:
            raise BadBody(
                f"the body is empty: expected is {expectation(field.annotation)}"
            )
        return body

    async def json(self) -> Any:
        """Give the body as its route's type; raises BadBody."""
        field = self.route_handler.parsed_data_field
        assert field is not None, "only what takes a body has it read"
        return read_json(await self.body(), field.annotation)


def read_json(body: bytes, kind: type[Body]) -> Body:
    """Read a body of this type; raises BadBody."""
    try:
        return msgspec.json.decode(body, type=kind)
    except RecursionError:
        fault = "JSON is nested too deep"
    except UnicodeDecodeError:
        fault = "JSON is not UTF-8"
    except msgspec.DecodeError as error:
        fault = str(error)
    raise BadBody(f"{fault}; expected is {expectation(kind)}")


def expectation(kind: Any) -> str:
    """Say what a body of this type is, such as `an object with name, maybe zone`."""
    if args := get_args(kind):
        return f"an array of it: {expectation(args[0])}"
    fields = msgspec.structs.fields(kind)
    needed = ", ".join(each.encode_name for each in fields if each.required)
    others = ", ".join(each.encode_name for each in fields if not each.required)
    return f"an object with {needed}" + (f", and maybe {others}" if others else "")
