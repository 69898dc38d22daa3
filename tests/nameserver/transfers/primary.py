"""A name server that is followed, and who is followed by it: a directory that changes."""

import contextlib
import http.server
import subprocess
import sys
import threading
import time
from base64 import b64decode

import certificates
import dns.exception
import dns.message
import dns.query
import msgspec

from domicile.config import Address
from domicile.model.changes import NO_CHAIN, Change, next_chain
from domicile.model.feed import Begin, decode_ask, encode_answer
from domicile.model.records import Cluster, Owner, Placement, encode
from domicile.model.sealing import context_of, seal, sealing_key_to_text
from domicile.model.zone_records import UpdateKey, Zone
from domicile.replica.follower import PATH
from domicile.service.sockets import Protocol, open_alone, open_for_workers

# On a busy machine, and for a secondary that asks once more.
PATIENCE = 60
SEALING_KEY = bytes(32)
KEY = ("sec.example", "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0")
FILE = """
@ 300 IN SOA ns1 host 1 3600 600 604800 30
@ 300 IN NS ns1
@ 300 IN NS ns.elsewhere.example.
@ 300 IN MX 10 mail
mail 300 IN A 192.0.2.25
text 300 IN TXT "of the file" "and more"
*.wild 300 IN A 192.0.2.77
"""


def key_record(*transfers):
    """The key as the directory has it."""
    context = context_of(UpdateKey.kind, KEY[0])
    sealed = seal(SEALING_KEY, b64decode(KEY[1]), context)
    return UpdateKey(KEY[0], "hmac-sha256", sealed, transfers=transfers)


def app_id(number):
    """An id: 26 of a-z, 2-7."""
    digits = ""
    for _ in range(26):
        number, digit = divmod(number, 32)
        digits += "abcdefghijklmnopqrstuvwxyz234567"[digit]
    return digits


def placement(number, cluster="amber", generation=1, name="", **more):
    name = name or f"app{number}"
    app = app_id(number)
    return Placement(app, cluster, generation, name, "ada", "apps.test", **more)


def apps(numbers):
    """An app of each number, as a name server hears of it."""
    return [placement(number) for number in numbers]


BEGIN = [
    Zone("apps.test", {"ns1.apps.test": ("127.0.0.1",)}, landing=("192.0.2.80",)),
    Owner("ada", "apps.test", "free"),
    Cluster("amber", ("127.0.0.11", "2001:db8::11"), ()),
    Cluster("birch", ("127.0.0.12",), ()),
]


class Store:
    """Changes, numbered and chained."""

    def __init__(self):
        self.changes = []
        self.chains = [NO_CHAIN]

    def write(self, *records):
        for record in records:
            self._append(record, encode(record))

    def delete(self, *records):
        for record in records:
            self._append(record, None)

    def after(self, serial):
        return self.changes[serial:]

    def _append(self, record, value):
        serial = len(self.changes) + 1
        bare = Change(serial, record.kind, record.key, record.scope, value, NO_CHAIN)
        chain = next_chain(self.chains[-1], bare)
        self.chains.append(chain)
        self.changes.append(msgspec.structs.replace(bare, chain=chain))


class Directory(http.server.ThreadingHTTPServer):
    """Serves a store's feed."""

    def __init__(self, store):
        super().__init__(("127.0.0.1", 0), Conversation)
        self.store = store
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        self.thread.start()

    def answer(self, ask):
        store = self.store
        up_to = len(store.changes)
        joins = ask.after <= up_to and ask.chain == store.chains[ask.after]
        after = ask.after if joins else 0
        begin = Begin(after, up_to, store.chains[up_to], snapshot=not joins)
        changes = store.after(after)
        if not joins:
            last = {(each.kind, each.key): each for each in changes}
            changes = [each for each in last.values() if each.value is not None]
        return encode_answer(begin, changes)

    def kill(self):
        self.shutdown()
        self.server_close()
        self.thread.join()


class Conversation(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path != PATH:
            # What a name server finds out of clusters is nothing to us.
            self.send_error(404)
            return
        ask = decode_ask(body)
        deadline = time.monotonic() + 0.5
        while ask.after == len(self.server.store.changes):
            if time.monotonic() > deadline:
                break
            time.sleep(0.01)
        with contextlib.suppress(OSError):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"".join(self.server.answer(ask)))

    def log_message(self, *_):
        pass


def free_address(protocols=(Protocol.UDP, Protocol.TCP)):
    listeners = open_for_workers(Address("127.0.0.1", 0), 1, protocols)
    listeners.close()
    return listeners.address


class Primary:
    """The name server, as a process."""

    def __init__(self, folder, directory, notify, key_name=""):
        self.address = free_address()
        self.admin = free_address((Protocol.TCP,))
        with open_alone(Address("127.0.0.1", 0)) as probe:
            self.tls = Address(*probe.getsockname())
        self.certificate, key = certificates.make(folder)
        (folder / "token").write_text("secret\n")
        (folder / "apps.zone").write_text(FILE)
        (folder / "key").write_text(f"hmac-sha256:{KEY[0]}:{KEY[1]}\n")
        (folder / "sealing").write_text(sealing_key_to_text(SEALING_KEY))
        (folder / "sealing").chmod(0o600)
        signed_by = f'key_file = "{folder}/key"'
        if key_name:
            signed_by = f'key = "{key_name}"'
        told = ", ".join(f'"{each}"' for each in notify)
        self.config = folder / "nameserver.toml"
        self.config.write_text(
            f'name = "ns1"\nlisten = ["{self.address}"]\nadmin = "{self.admin}"\n'
            f'listen_tls = ["{self.tls}"]\ncertificate_file = "{self.certificate}"\n'
            f'key_file = "{key}"\n'
            f'directory = "http://127.0.0.1:{directory.server_port}"\n'
            f'token_file = "{folder}/token"\ndata = "{folder}/data"\n'
            f'sealing_key_file = "{folder}/sealing"\n'
            f'[[zones]]\nname = "apps.test"\nfile = "{folder}/apps.zone"\n'
            f'[[transfers]]\nzone = "apps.test"\n{signed_by}\n'
            f'networks = ["127.0.0.0/8"]\nnotify = [{told}]\n'
        )
        self.process = None

    def start(self):
        code = "from domicile.cli.main import main; main()"
        command = [sys.executable, "-c", code, "nameserver", "--config", self.config]
        self.process = subprocess.Popen(command)

    def end(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None

    def ask(self, name, rdtype="A"):
        query = dns.message.make_query(name, rdtype)
        return dns.query.udp(query, self.address.host, 5, self.address.port)

    def serial(self):
        """The serial that it tells, 0 before it does."""
        with contextlib.suppress(OSError, dns.exception.DNSException):
            for rrset in self.ask("apps.test", "SOA").answer:
                return rrset[0].serial
        return 0


def until(holds, said=lambda: ""):
    """Wait until something holds; else fail, with what somebody said meanwhile."""
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, f"it does not come to hold\n{said()}"
        time.sleep(0.05)
