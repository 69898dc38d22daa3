"""Compiled or not: which is imported, and that Domicile installs without a compiler."""

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from domicile import sources

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "domicile"
DECLARED = sorted(PACKAGE.glob("*/*.pxd"))
SHOW = "import domicile.dns.cache as it; print(it.__file__)"


def mode():
    return os.environ.get(sources.MODE, "auto")


def names():
    return [
        ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)
        for file in DECLARED
    ]


@pytest.mark.parametrize("name", names())
def test_these_tests_run_what_was_asked_for(name):
    """So that nobody takes tests of plain modules for tests of compiled ones."""
    file = importlib.import_module(name).__file__
    if mode() == "off":
        assert file.endswith(".py")
    elif shutil.which("cc"):
        assert file.endswith(".so"), "run make compile"


@pytest.fixture
def checkout(tmp_path):
    """A checkout of a package that has one compiled module, by its looks."""
    package = tmp_path / "package"
    (package / "dns").mkdir(parents=True)
    (package / "dns" / "name.py").write_text("def fold(): ...\n")
    (package / "dns" / "name.pxd").write_text("cpdef fold()\n")
    (package / "dns" / "letters.h").write_text("/* of the alphabet */\n")
    return package


def build(package):
    of = sources.begin_build(package)
    (package / "dns" / "name.so").touch()
    sources.end_build(package, of)


def test_what_was_compiled_of_other_sources_is_stale(checkout):
    assert not sources.is_stale(checkout)
    assert not sources.is_fresh(checkout)
    build(checkout)
    assert sources.is_fresh(checkout)
    for changed in ("name.py", "name.pxd", "letters.h"):
        with (checkout / "dns" / changed).open("a") as source:
            source.write("# changed\n")
        assert sources.is_stale(checkout)
        build(checkout)
        assert not sources.is_stale(checkout)


def test_what_is_being_compiled_is_stale(checkout):
    build(checkout)
    of = sources.begin_build(checkout)
    assert sources.is_stale(checkout)
    sources.end_build(checkout, of)
    assert not sources.is_stale(checkout), "nothing was compiled"
    assert not sources.is_fresh(checkout)


def shown(**environment):
    return subprocess.run(
        [sys.executable, "-c", SHOW], env={**os.environ, **environment},
        capture_output=True, text=True,
    )  # fmt: skip


def test_sources_are_imported_where_that_is_asked_for():
    assert shown(DOMICILE_COMPILE="off").stdout.strip().endswith("cache.py")


@pytest.mark.skipif(not sources.is_fresh(PACKAGE), reason="nothing is compiled")
def test_sources_are_imported_where_what_is_compiled_is_stale(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "domicile")
    place = {"PYTHONPATH": str(tmp_path), "DOMICILE_COMPILE": "auto"}
    file = Path(shown(**place).stdout.strip())
    assert file.is_relative_to(tmp_path)
    assert file.suffix == ".so"
    with (tmp_path / "domicile" / "dns" / "cache.py").open("a") as source:
        source.write("# changed\n")
    assert shown(**place).stdout.strip().endswith("cache.py")
    refused = shown(**place | {"DOMICILE_COMPILE": "require"})
    assert "run make compile" in refused.stderr


def compiled_by(folder, **environment):
    """Build a copy of the checkout in place, and give what came of it."""
    for name in ("src", "setup.py", "pyproject.toml", "README.md"):
        source = ROOT / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("*.so", "*.sha256", "__pycache__")
            shutil.copytree(source, folder / name, ignore=ignored)
        else:
            shutil.copy(source, folder)
    ran = subprocess.run(
        [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace"], cwd=folder,
        env={**os.environ, **environment}, capture_output=True, text=True,
    )  # fmt: skip
    return ran, list((folder / "src").rglob("*.so"))


def test_without_a_compiler_nothing_is_compiled_and_one_line_says_so(tmp_path):
    ran, compiled = compiled_by(tmp_path, CC="/bin/false", DOMICILE_COMPILE="auto")
    assert ran.returncode == 0
    assert "Domicile runs uncompiled, and slower: " in ran.stderr
    assert compiled == []
    assert not sources.is_stale(tmp_path / "src" / "domicile")


@pytest.mark.parametrize(("asked", "fails"), [("require", True), ("off", False)])
def test_a_compiler_is_required_or_not_asked(tmp_path, asked, fails):
    ran, compiled = compiled_by(tmp_path, CC="/bin/false", DOMICILE_COMPILE=asked)
    assert bool(ran.returncode) == fails
    assert compiled == []


def test_a_mode_that_is_none_is_told(tmp_path):
    ran, _ = compiled_by(tmp_path, DOMICILE_COMPILE="maybe")
    assert ran.returncode
    assert "one of auto, require, off is expected" in ran.stderr
