"""Builds what is compiled: each module with a `.pxd` or a `.pyx` beside it, by Cython.

DOMICILE_COMPILE says how: `auto` (the default) goes on without where it fails, and says
so in one line; `require` fails with it; `off` compiles nothing. An in-place build notes
which sources it was of, so that others are never taken for it: see domicile/sources.py.
"""

import os
import runpy
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).parent
PACKAGE = ROOT / "src" / "domicile"
MODES = ("auto", "require", "off")

sources = runpy.run_path(str(PACKAGE / "sources.py"))


def mode() -> str:
    found = os.environ.get("DOMICILE_COMPILE") or "auto"
    if found not in MODES:
        sys.exit(
            f"DOMICILE_COMPILE is {found!r}: one of {', '.join(MODES)} is expected"
        )
    return found


def extensions() -> list[Extension]:
    """Name a module and its source for each; a `.pyx` goes before its Python twin."""
    found = []
    for declared in sorted(PACKAGE.rglob("*.pxd")):
        pyx = declared.with_suffix(".pyx")
        source = pyx if pyx.exists() else declared.with_suffix(".py")
        name = declared.relative_to(PACKAGE.parent).with_suffix("")
        found.append(
            Extension(
                ".".join(name.parts),
                [str(source.relative_to(ROOT))],
                include_dirs=[str(source.parent)],
                depends=[str(header) for header in source.parent.glob("*.h")],
                extra_compile_args=["-O2", "-g0"],
            )
        )
    return found


class BuildIfPossible(build_ext):
    """Compiles all, or leaves nothing compiled: half of it would not fit together."""

    def finalize_options(self) -> None:
        try:
            self.distribution.ext_modules = _translate(self.distribution.ext_modules)
        except Exception as error:
            self._go_on_without(error)
        super().finalize_options()

    def run(self) -> None:
        in_place = bool(self.inplace or getattr(self, "editable_mode", False))
        if in_place and sources["is_fresh"](PACKAGE) and self.extensions:
            return
        of = sources["begin_build"](PACKAGE) if in_place else ""
        try:
            self.parallel = self.parallel or os.cpu_count() or 1
            super().run()
        except (Exception, SystemExit) as error:
            for each in self.extensions:
                Path(self.get_ext_fullpath(each.name)).unlink(missing_ok=True)
            self._go_on_without(error)
        if in_place:
            sources["end_build"](PACKAGE, of)

    def _go_on_without(self, error: BaseException) -> None:
        if mode() == "require":
            raise error
        self.distribution.ext_modules = self.extensions = []
        print(
            f"Domicile runs uncompiled, and slower: {_reason(error)}", file=sys.stderr
        )


def _translate(extensions: list[Extension]) -> list[Extension]:
    """Have Cython write the C of all; a source that has not changed is left alone."""
    from Cython.Build import cythonize

    return cythonize(
        extensions,
        build_dir="build/cython",
        compiler_directives={"language_level": 3, "annotation_typing": False},
        quiet=True,
    )


def _reason(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[-1] if lines else type(error).__name__


setup(
    ext_modules=[] if mode() == "off" else extensions(),
    cmdclass={"build_ext": BuildIfPossible},
)
