"""Follows an app's log, wherever the app lives meanwhile."""

import time
from collections.abc import Iterator

from domicile.client.api import Api, Json, OnWait, Refused, Unreachable

# So often one looks whether a log has grown: less often where it had not.
_IDLE_SECONDS = 1.0
_BUSY_SECONDS = 0.2
_NO_ANSWER = "urn:domicile:NoAnswer"


def follow_log(api: Api, path: str, lines: int, on_wait: OnWait) -> Iterator[Json]:
    """Give the log's last lines, and then, for ever, what comes after them.

    A directory or manager that is away is waited for once the log was there; raises
    what `Api.get` raises. `on_wait` is told of it, and of a move.
    """
    log = api.get(path, lines=lines)
    ends = {log["cluster"]: log["end"]}
    away = False
    while True:
        if log["lines"]:
            yield log
        time.sleep(_BUSY_SECONDS if log["lines"] else _IDLE_SECONDS)
        before = log["cluster"]
        try:
            log = api.get(
                path, lines=lines, after=",".join(filter(None, ends.values()))
            )
        except (Refused, Unreachable) as error:
            if isinstance(error, Refused) and error.kind != _NO_ANSWER:
                raise
            if not away:
                on_wait(f"{error}: waiting for it")
            away, log = True, log | {"lines": []}
            continue
        away = False
        ends[log["cluster"]] = log["end"]
        if log["cluster"] != before:
            on_wait(f"the log goes on in {log['cluster']}")
