"""What a deployment asks for, and what of it is refused before anything is planned."""

import re

import msgspec

from domicile.directory.registry import BadRequest
from domicile.model.bounds import Natural
from domicile.runtime.blobs import BlobFolder

# Linux takes 128 KiB for one argument or variable, and about 2 MiB for all: these are
# well below, and a cluster's manager holds them for each of its apps.
LONGEST_COMMAND = 16 * 1024
MOST_VARIABLES = 256
LARGEST_ENVIRONMENT = 64 * 1024

# POSIX.1-2017, section 8.1: "names used by the utilities … consist solely of uppercase
# letters, digits, and the <underscore> … and do not begin with a digit"; sh takes small
# letters too, and drops what is no name.
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class NewApp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An app to deploy; `to` is an operator's choice of cluster."""

    owner: str
    name: str
    digest: str
    command: str
    environment: dict[str, str] = {}
    size: Natural = 0
    to: str = ""


def check_deployment(new: NewApp, blobs: BlobFolder) -> None:
    """Go on only with what a cluster can start; raises BadRequest or NotADigest."""
    if not blobs.has(new.digest):
        raise BadRequest(
            f"nothing with digest {new.digest} was uploaded: first PUT it to "
            f"/v1/blobs/{new.digest}"
        )
    _check_command(new.command)
    _check_environment(new.environment)


def _check_command(command: str) -> None:
    if not command.strip():
        raise BadRequest("the command is empty: say how sh shall start the app")
    if "\0" in command:
        raise BadRequest("the command has a NUL, which no command can have")
    size = len(command.encode())
    if size > LONGEST_COMMAND:
        raise BadRequest(f"the command has {size} bytes: {LONGEST_COMMAND} are allowed")


def _check_environment(environment: dict[str, str]) -> None:
    if len(environment) > MOST_VARIABLES:
        raise BadRequest(
            f"the environment has {len(environment)} variables: {MOST_VARIABLES} are "
            "allowed"
        )
    size = sum(len(f"{name}={value}".encode()) for name, value in environment.items())
    if size > LARGEST_ENVIRONMENT:
        raise BadRequest(
            f"the environment has {size} bytes, names and values together: "
            f"{LARGEST_ENVIRONMENT} are allowed"
        )
    for name, value in environment.items():
        if not _VARIABLE.match(name):
            raise BadRequest(
                f"{name!r} is no name of a variable: letters a-z, digits and _ are "
                "allowed, and no digit begins one"
            )
        if "\0" in value:
            raise BadRequest(f"the variable {name} has a NUL, which none can have")
