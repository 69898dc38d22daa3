"""So much work a second and no more, of a kind that anybody can ask for."""


class Allowance:
    """Allows so many a second, and as many again at once as two seconds have saved up."""

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, per_second: float) -> None:
        self._rate = per_second
        self._burst = self._left = 2 * per_second
        self._at = -float("inf")

    def take(self, now: float) -> bool:
        """Take one, by a clock that nobody sets; False where none is left."""
        if now > self._at:
            self._left = min(self._burst, self._left + (now - self._at) * self._rate)
            self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
