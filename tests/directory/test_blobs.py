"""A blob is there whole and right, or not there."""

import hashlib
import stat

import pytest

from domicile.directory.apps import NotFound
from domicile.directory.blobs import BlobFolder, WrongDigest
from domicile.directory.registry import BadRequest

CONTENT = b"hello" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


async def pieces(content=CONTENT, breaks=False):
    yield content[:7]
    yield content[7:]
    if breaks:
        raise ConnectionResetError


@pytest.fixture
def blobs(tmp_path):
    return BlobFolder(tmp_path / "blobs")


async def test_what_went_in_comes_out(blobs):
    assert await blobs.put(DIGEST, pieces()) == len(CONTENT)
    assert blobs.find(DIGEST).read_bytes() == CONTENT


async def test_a_second_time_is_the_same(blobs, tmp_path):
    for _ in range(2):
        await blobs.put(DIGEST, pieces())
    assert [file.name for file in (tmp_path / "blobs").iterdir()] == [DIGEST]


async def test_wrong_bytes_leave_nothing(blobs, tmp_path):
    with pytest.raises(WrongDigest, match="not " + DIGEST):
        await blobs.put(DIGEST, pieces(CONTENT + b"!"))
    assert list((tmp_path / "blobs").iterdir()) == []


async def test_wrong_bytes_do_not_harm_the_right_ones(blobs):
    await blobs.put(DIGEST, pieces())
    with pytest.raises(WrongDigest):
        await blobs.put(DIGEST, pieces(b"something else"))
    assert blobs.find(DIGEST).read_bytes() == CONTENT


async def test_a_broken_upload_leaves_nothing(blobs, tmp_path):
    with pytest.raises(ConnectionResetError):
        await blobs.put(DIGEST, pieces(breaks=True))
    assert list((tmp_path / "blobs").iterdir()) == []


async def test_a_start_clears_what_a_crash_left_and_keeps_the_rest(blobs, tmp_path):
    await blobs.put(DIGEST, pieces())
    (tmp_path / "blobs" / f"{DIGEST}.0.new").write_bytes(b"half")
    BlobFolder(tmp_path / "blobs")
    assert [file.name for file in (tmp_path / "blobs").iterdir()] == [DIGEST]


@pytest.mark.parametrize(
    "digest", ["", "..", "../" + DIGEST, DIGEST.upper(), DIGEST + "0"]
)
def test_an_address_that_is_no_digest_is_refused(blobs, digest):
    with pytest.raises(BadRequest, match="not a SHA-256"):
        blobs.find(digest)


def test_an_unknown_blob_is_not_there(blobs):
    with pytest.raises(NotFound):
        blobs.find(DIGEST)


@pytest.mark.usefixtures("blobs")
def test_the_folder_is_for_its_owner_only(tmp_path):
    assert stat.S_IMODE((tmp_path / "blobs").stat().st_mode) == 0o700
