"""What a number that comes from outside may be."""

from typing import Annotated

import msgspec

Natural = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""What is counted or numbered: every store has room for it."""
