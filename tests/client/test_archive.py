import os

import pytest

from domicile.client.archive import CannotPack, NothingToPack, pack
from domicile.runtime.blobs import BlobFolder, unpack


def test_a_folder_packs_to_the_same_bytes_at_any_time(tmp_path):
    app = tmp_path / "app"
    (app / "static").mkdir(parents=True)
    (app / "app.py").write_text("run")
    (app / "static" / "page").write_text("page")
    first = pack(app)
    os.utime(app / "app.py", (1, 1))
    assert pack(app) == first


def test_what_is_packed_is_unpacked_by_a_manager(tmp_path):
    app = tmp_path / "app"
    (app / "__pycache__").mkdir(parents=True)
    (app / "__pycache__" / "x.pyc").write_text("stale")
    (app / "app.py").write_text("run")
    blobs = BlobFolder(tmp_path / "blobs")
    archive = pack(app)
    assert blobs.put(archive.data) == archive.digest
    unpack(blobs.find(archive.digest), tmp_path / "there")
    assert [path.name for path in (tmp_path / "there").rglob("*")] == ["app.py"]


def test_the_modules_of_a_node_app_come_with_it(tmp_path):
    """With the links that npm puts there."""
    modules = tmp_path / "app" / "node_modules"
    (modules / ".bin").mkdir(parents=True)
    (modules / "tool.js").write_text("run")
    (modules / ".bin" / "tool").symlink_to("../tool.js")
    blobs = BlobFolder(tmp_path / "blobs")
    unpack(blobs.find(blobs.put(pack(tmp_path / "app").data)), tmp_path / "there")
    there = tmp_path / "there" / "node_modules" / ".bin" / "tool"
    assert there.is_symlink()
    assert there.read_text() == "run"


def test_a_linked_folder_is_the_same_link_there(tmp_path):
    app = tmp_path / "app"
    (app / "v2").mkdir(parents=True)
    (app / "v2" / "page").write_text("page")
    (app / "current").symlink_to("v2")
    (app / "nowhere").symlink_to("gone")
    blobs = BlobFolder(tmp_path / "blobs")
    unpack(blobs.find(blobs.put(pack(app).data)), tmp_path / "there")
    assert (tmp_path / "there" / "current").is_symlink()
    assert (tmp_path / "there" / "current" / "page").read_text() == "page"
    assert not os.path.lexists(tmp_path / "there" / "nowhere")


@pytest.mark.parametrize("absolute", [False, True])
@pytest.mark.parametrize("what", ["a file", "a folder"])
def test_a_link_that_leads_out_of_the_folder_is_said(tmp_path, what, absolute):
    (tmp_path / "app").mkdir()
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a file").touch()
    link = tmp_path / "app" / "link"
    link.symlink_to(tmp_path / what if absolute else f"../{what}")
    with pytest.raises(CannotPack, match="link leads out of what is deployed, to "):
        pack(tmp_path / "app")


@pytest.mark.parametrize("folder", ["empty", "missing"])
def test_nothing_to_pack_is_said(tmp_path, folder):
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingToPack, match=folder):
        pack(tmp_path / folder)


def test_a_folder_that_cannot_be_looked_at_is_said(tmp_path):
    with pytest.raises(CannotPack, match=r"xxx cannot be deployed: File name too long"):
        pack(tmp_path / ("x" * 300))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_may_not_be_read_is_said(tmp_path):
    (tmp_path / "secret").touch(mode=0)
    with pytest.raises(CannotPack, match="secret cannot be deployed: Permission"):
        pack(tmp_path)
