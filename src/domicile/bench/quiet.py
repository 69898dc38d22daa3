"""A directory where nothing changes: so that a name server that follows it is not behind."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from domicile.model.feed import CONTENT_TYPE, Begin, decode_ask, encode_answer

# As a feed does on which nothing happens.
_LONG_POLL_SECONDS = 1.0


class _Feed(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if not self.path.endswith("/feed"):
            self.send_error(404)
            return
        ask = decode_ask(body)
        time.sleep(_LONG_POLL_SECONDS)
        answer = b"".join(encode_answer(Begin(ask.after, ask.after, ask.chain), []))
        # Who has ended meanwhile wants no answer.
        with suppress(OSError):
            self.send_response(200)
            self.send_header("content-type", CONTENT_TYPE)
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@contextmanager
def quiet_directory() -> Iterator[str]:
    """Answer followers until the end of the block; give the URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Feed)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
