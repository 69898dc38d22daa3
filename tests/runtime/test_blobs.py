"""Blobs by digest, and archives that try to get out."""

import gzip
import hashlib
import io
import os
import tarfile
import tracemalloc

import pytest

from domicile.runtime.blobs import (
    BadArchive,
    BlobFolder,
    NoSuchBlob,
    NotADigest,
    WrongDigest,
    unpack,
)

DIGEST = hashlib.sha256(b"bytes").hexdigest()


@pytest.fixture
def blobs(tmp_path):
    return BlobFolder(tmp_path / "blobs")


def files(folder):
    return sorted(each.name for each in folder.rglob("*"))


def member(name, kind=tarfile.REGTYPE, data=b"", link="", mode=0o644):
    info = tarfile.TarInfo(name)
    info.type, info.size, info.linkname, info.mode = kind, len(data), link, mode
    return info, io.BytesIO(data)


@pytest.fixture
def pack(tmp_path):
    def pack(*members):
        path = tmp_path / "release.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            for info, data in members:
                tar.addfile(info, data)
        return path

    return pack


def test_a_blob_is_found_by_its_digest(blobs):
    assert blobs.put(b"bytes") == DIGEST
    assert blobs.has(DIGEST)
    assert blobs.find(DIGEST).read_bytes() == b"bytes"


def test_a_blob_is_written_piece_by_piece(blobs, tmp_path):
    with blobs.writing(DIGEST) as writer:
        writer.write(b"by")
        assert not blobs.has(DIGEST)
        writer.write(b"tes")
    assert writer.digest == DIGEST
    assert files(tmp_path / "blobs") == [DIGEST]


def test_other_bytes_than_announced_are_not_kept(blobs, tmp_path):
    with pytest.raises(WrongDigest, match=DIGEST), blobs.writing(DIGEST) as writer:
        writer.write(b"others")
    assert files(tmp_path / "blobs") == []


def test_an_upload_that_breaks_off_leaves_nothing(blobs, tmp_path):
    with pytest.raises(TypeError), blobs.writing() as writer:
        writer.write("not bytes")
    assert files(tmp_path / "blobs") == []


def test_what_a_crash_left_is_cleared_once_nobody_can_still_write_it(tmp_path):
    folder = tmp_path / "blobs"
    blobs = BlobFolder(folder)
    blobs.put(b"bytes")
    for name, age in (("old", 86_401), ("young", 10)):
        (folder / f".{name}").write_bytes(b"half")
        os.utime(folder / f".{name}", (0, 1_000_000 - age))
    os.utime(folder / DIGEST, (0, 0))
    BlobFolder(folder, clock=lambda: 1_000_000.0)
    assert files(folder) == [".young", DIGEST]


def test_the_folder_is_for_its_owner_only(blobs, tmp_path):
    assert (tmp_path / "blobs").stat().st_mode & 0o777 == 0o700


def test_a_blob_that_is_synced_beforehand_is_whole(blobs):
    with blobs.writing(DIGEST) as writer:
        writer.write(b"bytes")
        writer.sync()
    assert blobs.find(DIGEST).read_bytes() == b"bytes"


def test_what_is_announced_as_no_digest_is_refused_before_it_is_written(
    blobs, tmp_path
):
    with pytest.raises(NotADigest), blobs.writing("../x") as writer:
        writer.write(b"bytes")
    assert files(tmp_path / "blobs") == []


def test_a_blob_that_is_not_there_is_told(blobs):
    with pytest.raises(NoSuchBlob, match=DIGEST):
        blobs.find(DIGEST)


@pytest.mark.parametrize(
    "digest", ["", "../" + "0" * 61, "A" * 64, "0" * 63, DIGEST + "\n", DIGEST + "/x"]
)
def test_what_is_no_digest_is_never_a_path(blobs, digest):
    for ask in (blobs.find, blobs.has):
        with pytest.raises(NotADigest):
            ask(digest)


def test_an_archive_is_unpacked_with_its_folders_and_its_executable_files(
    pack, tmp_path
):
    archive = pack(
        member("bin/run", data=b"#!/bin/sh\n", mode=0o4755),
        member("app.py", data=b"pass"),
        member("latest", tarfile.SYMTYPE, link="app.py"),
    )
    into = tmp_path / "releases" / "one"
    unpack(archive, into)
    assert (into / "app.py").read_bytes() == b"pass"
    assert (into / "latest").read_bytes() == b"pass"
    assert (into / "bin" / "run").stat().st_mode & 0o7777 == 0o755
    assert [each.name for each in into.parent.iterdir()] == ["one"]


def test_a_folder_that_was_unpacked_stays(pack, tmp_path):
    into = tmp_path / "one"
    unpack(pack(member("a", data=b"1")), into)
    unpack(pack(member("b", data=b"2")), into)
    assert files(into) == ["a"]


@pytest.mark.parametrize(
    "members",
    [
        [member("../out", data=b"x")],
        [member("a/../../out", data=b"x")],
        [member("link", tarfile.SYMTYPE, link="../out"), member("link", data=b"x")],
        [member("link", tarfile.SYMTYPE, link="/etc"), member("link/out", data=b"x")],
        [member("link", tarfile.LNKTYPE, link="../secret")],
        [member("pipe", tarfile.FIFOTYPE)],
        [member("device", tarfile.CHRTYPE)],
    ],
)
def test_an_archive_that_tries_to_get_out_is_refused(pack, tmp_path, members):
    (tmp_path / "secret").write_bytes(b"secret")
    home = tmp_path / "home"
    home.mkdir()
    with pytest.raises(BadArchive, match=r"release\.tar\.gz"):
        unpack(pack(member("fine", data=b"x"), *members), home / "one")
    assert files(home) == []
    assert not (tmp_path / "out").exists()


def test_an_absolute_path_lands_inside(pack, tmp_path):
    unpack(pack(member("/out", data=b"x")), tmp_path / "one")
    assert files(tmp_path / "one") == ["out"]


def test_an_archive_that_grows_too_large_is_refused(pack, tmp_path):
    archive = pack(*(member(f"f{number}", data=bytes(600)) for number in range(2)))
    with pytest.raises(BadArchive, match="more than 1000 bytes"):
        unpack(archive, tmp_path / "home" / "one", largest=1000)
    assert files(tmp_path / "home") == []


def test_a_size_that_is_a_lie_is_refused(tmp_path):
    """A folder of a negative size would make all others seem to be less."""
    lie = tarfile.TarInfo("folder")
    lie.type, lie.size = tarfile.DIRTYPE, -(10**12)
    header = lie.tobuf(tarfile.GNU_FORMAT)
    archive = tmp_path / "lie"
    archive.write_bytes(gzip.compress(header + bytes(1024)))
    with pytest.raises(BadArchive):
        unpack(archive, tmp_path / "into")
    assert not (tmp_path / "into").exists()


def test_a_header_that_would_fill_the_memory_is_refused(tmp_path):
    """The format's own headers have no size that a limit on files would count."""
    header = tarfile.TarInfo("./PaxHeaders/file")
    header.type, header.size = tarfile.XHDTYPE, 200_000_000
    written = header.tobuf(tarfile.PAX_FORMAT)
    archive = tmp_path / "large"
    archive.write_bytes(gzip.compress(written + bytes(header.size), 1))
    tracemalloc.start()
    with pytest.raises(BadArchive, match="header of 200000000 bytes"):
        unpack(archive, tmp_path / "into")
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20_000_000


@pytest.mark.parametrize(
    "data",
    [b"", b"not an archive", gzip.compress(b"no tar"), b"\x1f\x8b" + bytes(100)],
)
def test_what_is_no_archive_is_told(tmp_path, data):
    archive = tmp_path / "release.tar.gz"
    archive.write_bytes(data)
    with pytest.raises(BadArchive, match=r"release\.tar\.gz"):
        unpack(archive, tmp_path / "one")


def test_an_archive_that_was_cut_off_is_refused(pack, tmp_path):
    archive = pack(member("big", data=os.urandom(100_000)))
    archive.write_bytes(archive.read_bytes()[:50_000])
    with pytest.raises(BadArchive):
        unpack(archive, tmp_path / "one")
    assert not (tmp_path / "one").exists()
