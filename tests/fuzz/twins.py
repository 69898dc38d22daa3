"""The same modules twice: as they are installed, and from their source.

A module that is compiled must do what its source does. While nothing is compiled there
is one of each, and no case is tried twice.
"""

import sys
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader
from types import ModuleType

import domicile


@dataclass(frozen=True)
class Twin:
    """Some modules, by the last part of their names, and of which kind they are."""

    kind: str
    modules: dict[str, ModuleType]

    def __getattr__(self, name: str) -> ModuleType:
        return self.modules[name]


def find_twins(package: str, *names: str) -> list[Twin]:
    """Give the installed modules, and where one of them is compiled the plain ones."""
    installed = _load("installed", package, names)
    compiled = (each for each in installed.modules.values() if not _is_plain(each))
    return [installed, load_plain(package, *names)] if any(compiled) else [installed]


def load_plain(package: str, *names: str) -> Twin:
    """Load the modules, and all that they import of their package, from source."""
    hidden = {
        name: sys.modules.pop(name)
        for name in list(sys.modules)
        if name == package or name.startswith(package + ".")
    }
    sys.meta_path.insert(0, _SourceOnly)
    try:
        return _load("plain", package, names)
    finally:
        sys.meta_path.remove(_SourceOnly)
        for name in list(sys.modules):
            if name == package or name.startswith(package + "."):
                del sys.modules[name]
        sys.modules.update(hidden)
        if package in hidden:
            setattr(domicile, package.rpartition(".")[2], hidden[package])


class _SourceOnly:
    """Finds nothing but source, also where something compiled lies beside it."""

    @staticmethod
    def find_spec(name, path=None, _target=None):
        if path is None or not name.startswith("domicile."):
            return None
        for folder in path:
            finder = FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES))
            if spec := finder.find_spec(name):
                return spec
        return None


def _load(kind: str, package: str, names: tuple[str, ...]) -> Twin:
    return Twin(kind, {name: import_module(f"{package}.{name}") for name in names})


def _is_plain(module: ModuleType) -> bool:
    return isinstance(module.__loader__, SourceFileLoader)
