"""What a cluster could not start is refused before anything is planned."""

import msgspec
import pytest

from domicile.directory.deployment import (
    LARGEST_ENVIRONMENT,
    LONGEST_COMMAND,
    MOST_VARIABLES,
    NewApp,
    check_deployment,
)
from domicile.directory.registry import BadRequest
from domicile.runtime.blobs import BlobFolder, NotADigest


@pytest.fixture
def blobs(tmp_path):
    return BlobFolder(tmp_path / "blobs")


@pytest.fixture
def hello(blobs):
    return NewApp("ada", "hello", blobs.put(b"release"), "python app.py")


def test_what_a_cluster_can_start_is_let_through(hello, blobs):
    check_deployment(hello, blobs)
    value = "=" * (LARGEST_ENVIRONMENT - len("A=") - len("_b1="))
    largest = msgspec.structs.replace(
        hello, command="x" * LONGEST_COMMAND, environment={"A": value, "_b1": ""}
    )
    check_deployment(largest, blobs)
    many = {f"v{number}": "é\n" for number in range(MOST_VARIABLES)}
    check_deployment(msgspec.structs.replace(hello, environment=many), blobs)


@pytest.mark.parametrize("digest", ["", "x", "A" * 64, "../" + "0" * 61])
def test_what_is_no_digest_is_refused(hello, blobs, digest):
    with pytest.raises(NotADigest, match="64 digits"):
        check_deployment(msgspec.structs.replace(hello, digest=digest), blobs)


NAME = "is no name of a variable"

BAD = {
    "never uploaded": ({"digest": "0" * 64}, "first PUT it to /v1/blobs/0000"),
    "no command": ({"command": ""}, "the command is empty"),
    "a blank command": ({"command": " \t\n"}, "the command is empty"),
    "a NUL in the command": ({"command": "run\0"}, "the command has a NUL"),
    "a long command": (
        {"command": "é" * (LONGEST_COMMAND // 2) + "x"}, "16385 bytes: 16384 are allowed",
    ),
    "a variable without a name": ({"environment": {"": "x"}}, f"'' {NAME}"),
    "an equals sign": ({"environment": {"A=B": "x"}}, f"'A=B' {NAME}"),
    "a NUL in a name": ({"environment": {"A\0": "x"}}, f"'A.x00' {NAME}"),
    "a line end in a name": ({"environment": {"A\n": "x"}}, NAME),
    "a digit first": ({"environment": {"1A": "x"}}, f"'1A' {NAME}"),
    "a name of other letters": ({"environment": {"é": "x"}}, NAME),
    "a name with a blank": ({"environment": {"A B": "x"}}, NAME),
    "a NUL in a value": ({"environment": {"A": "x\0y"}}, "the variable A has a NUL"),
    "too many variables": (
        {"environment": {f"v{number}": "" for number in range(MOST_VARIABLES + 1)}},
        "257 variables: 256 are allowed",
    ),
    "too large an environment": (
        {"environment": {"A": "x" * (LARGEST_ENVIRONMENT - 1)}},
        "65537 bytes, names and values together: 65536 are allowed",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_started_is_one_clear_sentence(hello, blobs, what):
    bad, says = BAD[what]
    with pytest.raises(BadRequest, match=says) as refusal:
        check_deployment(msgspec.structs.replace(hello, **bad), blobs)
    assert len(str(refusal.value).splitlines()) == 1
