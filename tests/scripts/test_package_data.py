"""What an installed Domicile needs beside its modules goes with it."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "domicile"
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]

MADE = {".so", ".sha256"}
HEADER = ".h"
DECLARED = {".pxd", ".pyx"}


def packages():
    return [init.parent for init in PACKAGE.rglob("__init__.py")]


def test_every_file_is_a_module_of_a_package_or_its_data():
    modules = {file for folder in packages() for file in folder.glob("*.py")}
    data = {
        file
        for package, patterns in SETUPTOOLS["package-data"].items()
        for pattern in patterns
        for file in (ROOT / "src" / package.replace(".", "/")).glob(pattern)
    }
    files = {
        file
        for file in PACKAGE.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
        if file.suffix not in MADE
    }
    # What is compiled from is needed to build, and its module is there as well.
    modules |= {
        file
        for file in files
        if file.suffix in DECLARED and file.with_suffix(".py") in files
    }
    modules |= {file for file in files if file.suffix == HEADER}
    assert len(data) > 5
    assert files - modules - data == set()
