"""What can be wrong with a benchmark; each is one line to whoever started it."""

from domicile.errors import DomicileError


class CannotMeasure(DomicileError):
    """Something that a benchmark needs is not here, or did not do its part."""
