"""Time as an argument: whoever needs it is handed a clock.

`monotonic` is the machine's (all processes of a host agree on it), for deadlines and
freshness. `wall` is for what people read and for certificates: no decision compares
the wall clocks of two machines.
"""

import time
from collections.abc import Callable

Clock = Callable[[], float]

monotonic: Clock = time.monotonic
wall: Clock = time.time
