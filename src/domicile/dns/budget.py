"""How much may be answered beyond what was asked, so that nobody is flooded through us.

Who asks over UDP may lie about where he is. So each prefix, a network as it is commonly
given to one customer, gets so many octets a second beyond those that it sent (compare
BCP 140), and what a burst saved up.

Of each prefix there is one number: until when its budget is spent at the rate it is
refilled. The table of them has a fixed size. A prefix that finds no free place takes
the one of its two that is spent less, and what was spent there as well: so no mix of
sources ever gets more than each its budget, and a flood from everywhere gets no more
than the table has places for.
"""

from array import array
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network
from typing import Final

Network = IPv4Network | IPv6Network

# Two places each, of two numbers: the prefix, and until when it is spent.
_SETS_BITS: Final = 15
_MASK: Final = 0xFFFF_FFFF_FFFF_FFFF
_SHIFT: Final = 64 - _SETS_BITS
_NOBODY: Final = -1
_MICROSECONDS: Final = 1_000_000

# Prefixes are IPv4 /24 and IPv6 /56, the latter marked by a bit above its own.
_BITS6: Final = 56
_SIX: Final = 1 << _BITS6


class Budget:
    """The budgets of all prefixes: `rate` octets a second, `burst` octets at once.

    `key` is any number that is not known outside: who asks shall not choose with whom
    he shares a place. Times are in microseconds.
    """

    def __init__(
        self, rate: int, burst: int, key: int, exempt: Iterable[Network] = ()
    ) -> None:
        self._rate = max(1, rate)
        self._burst = burst * _MICROSECONDS // self._rate
        self._factor = (key | 1) & _MASK
        self._table = array("q", [_NOBODY, 0]) * (2 << _SETS_BITS)
        self._exempt = array("q", [each for one in exempt for each in _range_of(one)])
        self._over = 0

    def allows(self, prefix: int, asked: int, answered: int, now: int) -> bool:
        """Whether a reply may go out, by its length and its query's; spends for it."""
        if 2 * answered <= 3 * asked:
            return True
        exempt = self._exempt
        for at in range(0, len(exempt), 2):
            if exempt[at] <= prefix <= exempt[at + 1]:
                return True
        return self._spend(prefix, answered - asked, now)

    def slips(self) -> bool:
        """Whether this one of those over budget is told to come by TCP: every other.

        A client that is real gets through by that, and a victim of forged queries gets
        no more than half of what was sent.
        """
        self._over ^= 1
        return self._over == 1

    def _spend(self, prefix: int, excess: int, now: int) -> bool:
        table = self._table
        place = ((prefix * self._factor & _MASK) >> _SHIFT) * 4
        if table[place] != prefix:
            other = place + 2
            if table[other] == prefix or table[other + 1] < table[place + 1]:
                place = other
            table[place] = prefix
        spent = max(table[place + 1], now)
        # Rounded up, or many small ones would be free.
        spent += (excess * _MICROSECONDS + self._rate - 1) // self._rate
        if spent - now > self._burst:
            return False
        table[place + 1] = spent
        return True


def prefix_of(address: bytes) -> int:
    """Give the number of the prefix that an address, of 4 or 16 octets, is in."""
    if len(address) == 4:
        return int.from_bytes(address[:3], "big")
    return _SIX | int.from_bytes(address[:7], "big")


def _range_of(network: Network) -> tuple[int, int]:
    """Give the first and the last prefix of a network; one that is smaller has its own."""
    first, last = network.network_address, network.broadcast_address
    return prefix_of(first.packed), prefix_of(last.packed)
