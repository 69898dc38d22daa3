"""No module and no function is too long to be read at once."""

import ast
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"
MOST_OF_A_MODULE = 400
MOST_OF_A_FUNCTION = 40


def functions(file):
    """Give the place of each function of a module, and its lines from `def` on."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            place = f"{file.relative_to(SOURCE)}:{node.lineno} {node.name}"
            yield place, node.end_lineno - node.lineno + 1


def too_long(lengths, most):
    return {place: length for place, length in lengths.items() if length > most}


def test_no_module_is_too_long():
    files = [*SOURCE.rglob("*.py"), *SOURCE.rglob("*.pyx")]
    lengths = {
        str(file.relative_to(SOURCE)): len(file.read_text().splitlines())
        for file in files
    }
    assert too_long(lengths, MOST_OF_A_MODULE) == {}


def test_no_function_is_too_long():
    """Of those in Python: no parser that we have reads the others."""
    files = SOURCE.rglob("*.py")
    lengths = dict(each for file in files for each in functions(file))
    assert len(lengths) > 1000
    assert too_long(lengths, MOST_OF_A_FUNCTION) == {}
