"""Answers the length and SHA-256 of a posted body, read piece by piece."""

import hashlib
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = 64 * 1024


class Upload(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer({"app": os.environ.get("DOMICILE_APP"), "post": "a body"})

    def do_POST(self) -> None:
        digest = hashlib.sha256()
        length = 0
        for piece in self.pieces():
            digest.update(piece)
            length += len(piece)
        self.answer({"length": length, "sha256": digest.hexdigest()})

    def pieces(self):
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return
        left = int(self.headers.get("Content-Length", 0))
        while left and (piece := self.rfile.read(min(left, PIECE))):
            left -= len(piece)
            yield piece

    def answer(self, said: dict) -> None:
        body = json.dumps(said).encode() + b"\n"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cluster", os.environ.get("DOMICILE_CLUSTER", "?"))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    address = os.environ["HOST"], int(os.environ["PORT"])
    ThreadingHTTPServer(address, Upload).serve_forever()
