"""Sends an event each second, for as long as somebody listens: server-sent events."""

import json
import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

WHO = {
    "app": os.environ.get("DOMICILE_APP", "?"),
    "cluster": os.environ.get("DOMICILE_CLUSTER", "?"),
    "generation": os.environ.get("DOMICILE_GENERATION", "?"),
}
PAGE = b"""<!doctype html>
<title>events</title>
<h1>An event each second</h1>
<ol id="heard"></ol>
<script>
new EventSource("/events").onmessage = (event) => {
    const told = JSON.parse(event.data), line = document.createElement("li");
    line.value = told.count;
    line.textContent = `${told.app} in ${told.cluster}, generation ${told.generation}`;
    document.getElementById("heard").prepend(line);
};
</script>
"""


class Events(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.partition("?")[0] == "/events":
            self.begin("text/event-stream")
            self.send_events()
        else:
            self.begin("text/html; charset=utf-8")
            self.wfile.write(PAGE)

    def begin(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Cache-Control", "no-store")
        self.send_header("Cluster", WHO["cluster"])
        self.end_headers()

    def send_events(self) -> None:
        """Go on from what a browser that comes again says it has heard last."""
        last = self.headers.get("Last-Event-ID", "")
        count = int(last) if last.isascii() and last.isdigit() else 0
        try:
            while True:
                count += 1
                told = json.dumps(WHO | {"count": count})
                self.wfile.write(f"id: {count}\ndata: {told}\n\n".encode())
                time.sleep(1)
        except OSError:
            self.close_connection = True  # nobody listens any more


if __name__ == "__main__":
    address = os.environ["HOST"], int(os.environ["PORT"])
    ThreadingHTTPServer(address, Events).serve_forever()
