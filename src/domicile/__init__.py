"""Domicile: hosting across many clusters behind one set of names."""

from pathlib import Path

from domicile import sources

sources.choose(Path(__file__).parent)
