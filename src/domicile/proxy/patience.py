"""How long the proxy waits for whom, in seconds: nobody is waited for without an end."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Patience:
    """The defaults are for production; what owners may need otherwise is a setting."""

    # Between two requests. Twice as long as our own proxies keep a link's connection.
    idle: float = 60.0
    # From the first byte of a request's head to its last: slow ones are attacks.
    head: float = 10.0
    # A client's body, between two pieces of it.
    body: float = 60.0
    # And after so long waiting for it, so many bytes a second: a slow one is an attack.
    slow_body: float = 10.0
    body_rate: float = 240.0
    connect: float = 3.0
    # For an app: to begin its answer, between two pieces of it, to read on.
    answer: float = 60.0
    # For a client, to read on.
    stall: float = 30.0
    # A client that has ended its sending may wait for its answer, or be gone: after so
    # long without any progress it is gone.
    half_closed: float = 2.0
    # For a client, to read what we wrote last.
    linger: float = 2.0
