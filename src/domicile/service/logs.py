"""Logs: one JSON object a line on stderr, and nothing on stdout."""

import logging
import sys

import structlog


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
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    name(service=service)


def name(**fields: str) -> None:
    """Add fields to every further line of this process, such as `worker`."""
    structlog.contextvars.bind_contextvars(**fields)
