"""Logs: one JSON object a line on stderr, and nothing on stdout.

What libraries and the replica say by Python's own logging comes in the same form.
"""

import logging
import sys
from typing import Final

import structlog

from domicile.clock import Clock, monotonic

_BETWEEN_LINES: Final = 10.0


def configure(service: str, level: int = logging.INFO) -> None:
    """Let every line of this process and its children name the service."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # By one write, or the lines of several processes could be torn into each other.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.root.handlers = [
        *(each for each in logging.root.handlers if not isinstance(each, _Bridge)),
        _Bridge(),
    ]
    name(service=service)


def name(**fields: str) -> None:
    """Add fields to every further line of this process, such as `worker`."""
    structlog.contextvars.bind_contextvars(**fields)


class _Bridge(logging.Handler):
    """Takes what is logged by Python's own logging, from warnings on."""

    def emit(self, record: logging.LogRecord) -> None:
        structlog.get_logger().log(
            record.levelno,
            record.getMessage(),
            logger=record.name,
            exc_info=record.exc_info,
        )


class Sparing:
    """For what may be so at every packet: it is worth a line in ten seconds."""

    __slots__ = ("_clock", "_count", "_next")

    def __init__(self, clock: Clock = monotonic) -> None:
        self._clock = clock
        self._count = 0
        self._next = -float("inf")

    def count(self) -> int:
        """Count one, and give how many the line is to speak for: 0 where none is due."""
        self._count += 1
        now = self._clock()
        if now < self._next:
            return 0
        count, self._count = self._count, 0
        self._next = now + _BETWEEN_LINES
        return count
