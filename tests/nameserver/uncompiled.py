"""The Python twin of a module that has one in C, also where the compiled is imported."""

import importlib.util
from pathlib import Path


def in_python(module):
    path = Path(module.__file__)
    path = path.with_name(module.__name__.rpartition(".")[2] + ".py")
    spec = importlib.util.spec_from_file_location(f"plain_{path.stem}", path)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found
