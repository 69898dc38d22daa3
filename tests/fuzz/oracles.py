"""What h11 and llhttp make of a stream: the same kinds of readings as ours."""

import h11
import httptools
from reading import PARTIAL, Reading, Refused, Taken

_LARGEST = 128 * 1024


def ask_h11(stream: bytes) -> Reading:
    """Read a request."""
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_LARGEST)
    return _read_with_h11(connection, stream, ended=False)


def ask_h11_for_response(stream: bytes, method: bytes) -> Reading:
    """Read a response, and the end of its connection."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=_LARGEST)
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "a")]))
    connection.send(h11.EndOfMessage())
    return _read_with_h11(connection, stream, ended=True)


def _read_with_h11(
    connection: h11.Connection, stream: bytes, *, ended: bool
) -> Reading:
    try:
        connection.receive_data(stream)
        if ended:
            connection.receive_data(b"")
        head = connection.next_event()
        while isinstance(head, h11.InformationalResponse) and head.status_code != 101:
            head = connection.next_event()
        if not isinstance(head, (h11.Request, h11.Response, h11.InformationalResponse)):
            return PARTIAL
        body = b""
        while isinstance(event := connection.next_event(), h11.Data):
            body += event.data
    except h11.RemoteProtocolError as error:
        return Refused(error.error_status_hint, str(error))
    if not isinstance(event, h11.EndOfMessage):
        return PARTIAL
    line = (
        head.status_code if hasattr(head, "status_code") else (head.method, head.target)
    )
    end = len(stream) - len(connection.trailing_data[0])
    # It keeps no connection of HTTP/1.0, none that has ended, and may wait for us.
    keeps_alive = {h11.DONE: True, h11.MUST_CLOSE: False}.get(connection.their_state)
    if ended or head.http_version == b"1.0":
        keeps_alive = None
    return Taken(line, list(head.headers), body, end, keeps_alive)


def ask_llhttp(stream: bytes) -> Reading:
    """Read a request."""
    listener = _Listener()
    listener.parser = httptools.HttpRequestParser(listener)
    reading = _read_with_llhttp(listener, stream)
    return reading or listener.taken((listener.parser.get_method(), listener.url))


def ask_llhttp_for_response(stream: bytes, method: bytes) -> Reading:
    """Read a response; a HEAD's not, as llhttp's Python cannot be told of that."""
    listener = _Listener()
    parser = listener.parser = httptools.HttpResponseParser(listener)
    reading = _read_with_llhttp(listener, stream)
    if reading == PARTIAL and listener.ends_with_connection:
        listener.end = len(stream)
        reading = None
    return reading or listener.taken(parser.get_status_code())


def _read_with_llhttp(listener: "_Listener", stream: bytes) -> Reading | None:
    """Feed it octet by octet, as only so it tells where the message ended."""
    for at in range(len(stream)):
        try:
            listener.parser.feed_data(stream[at : at + 1])
        except httptools.HttpParserUpgrade:
            pass
        except httptools.HttpParserError as error:
            return Refused(400, str(error))
        if listener.is_lost:
            return Refused(400, "a 1xx that it does not know")
        if listener.done:
            listener.end = at + 1
            return None
    return PARTIAL


class _Listener:
    """Gathers what llhttp calls out."""

    parser: httptools.HttpRequestParser | httptools.HttpResponseParser

    def __init__(self) -> None:
        self.url = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.keeps_alive = False
        self.in_body = False
        self.is_lost = False
        self.done = False
        self.end = 0

    @property
    def ends_with_connection(self) -> bool:
        """Whether only that was to come which llhttp in Python cannot be told of."""
        told = {b"content-length", b"transfer-encoding"}
        return self.in_body and told.isdisjoint(name for name, _ in self.fields)

    def on_message_begin(self) -> None:
        self.fields = []
        self.in_body = False

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.in_body:
            self.fields.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.in_body = not self._is_interim()
        # It reads a body behind the others, if they tell a length.
        known = {100, 102, 103}
        self.is_lost = not self.in_body and self.parser.get_status_code() not in known
        self.keeps_alive = self.parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.done = not self._is_interim()

    def taken(self, line) -> Taken:
        return Taken(line, self.fields, self.body, self.end, self.keeps_alive)

    def _is_interim(self) -> bool:
        if isinstance(self.parser, httptools.HttpRequestParser):
            return False
        return self.parser.get_status_code() in range(100, 200) and (
            self.parser.get_status_code() != 101
        )
