"""Clients that hold each answer against what the name had ever stood for.

What an answer may be:

- Of a server that does not say to be behind: what the name stood for at some moment
  between `BEHIND` before the question (so long may a follower have heard nothing before
  it says so, and a poll and a restart come on top) and the answer.
- Of one that says so (an Extended Error 3 or 19): whatever it stood for before.
- On one socket, so from one worker's place: nothing that the name had stood for before
  what was told already; a worker that is started anew reads the same replica.
- A SERVFAIL, a REFUSED of a server without records, and silence say nothing; they count
  apart, and the client asks again from another port, as resolvers do.
"""

import random
import socket
import threading
import time

import dns.edns
import dns.exception
import dns.message
import dns.query
import dns.rcode

BEHIND = 5.0 + 2.0
STALE = {dns.edns.EDECode.STALE_ANSWER, dns.edns.EDECode.STALE_NXDOMAIN_ANSWER}
STALE_TTL = 5
UNSURE = {dns.rcode.SERVFAIL, dns.rcode.REFUSED}
PATIENCE = 25.0
WAIT = 1.0
NO_ANSWER = (OSError, EOFError, dns.exception.DNSException)


class Client(threading.Thread):
    """Asks for known names, one question after the other.

    From one port as long as that is answered, where it is `kept`; else each from another.
    """

    def __init__(self, place, history, seed, *, kept=True):
        super().__init__()
        self._place = place
        self._history = history
        self._kept = kept
        self._random = random.Random(seed)
        self._over = threading.Event()
        self._reached = {}
        self.right = self.stale = self.unsure = self.silent = 0
        self.unanswered = []
        self.wrong = []
        self.crashed = None

    def run(self):
        try:
            self._open()
            while not self._over.wait(0.001):
                self._ask_until_answered(self._random.choice(self._history.names()))
                if not self._kept:
                    self._close()
                    self._open()
        except Exception as error:
            self.crashed = error
            raise
        finally:
            self._close()

    def end(self):
        self._over.set()
        self.join()

    def _open(self):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(WAIT)
        self._socket.connect(self._place)
        # Another port is another worker's, who may be a batch behind the first.
        self._reached = {}

    def _close(self):
        self._socket.close()

    def _ask_until_answered(self, name):
        deadline = time.monotonic() + PATIENCE
        while not self._ask(name):
            if time.monotonic() > deadline:
                self.unanswered.append(name)
                return
            self._close()
            self._open()

    def _ask(self, name):
        """Ask once; say whether that was answered."""
        cased = "".join(self._random.choice((c, c.upper())) for c in name)
        size = self._random.choice((None, 512, 1232))
        query = dns.message.make_query(
            cased, "A", use_edns=None if size is None else 0, payload=size or 0
        )
        asked = time.monotonic()
        try:
            reply = self._exchange(query)
        except NO_ANSWER:
            self.silent += 1
            return False
        if reply.rcode() in UNSURE:
            self.unsure += 1
            time.sleep(0.05)
            return False
        self._judge(name, reply, asked, time.monotonic())
        return True

    def _exchange(self, query):
        self._socket.send(query.to_wire())
        while True:
            wire = self._socket.recv(4096)
            if wire[:2] == query.id.to_bytes(2, "big"):
                reply = dns.message.from_wire(wire)
                assert query.is_response(reply)
                return reply

    def _judge(self, name, reply, asked, answered):
        address = str(reply.answer[0][0]) if reply.answer else None
        negative = reply.rcode() is dns.rcode.NXDOMAIN
        # Without EDNS there is no telling but by a brief no.
        says_stale = any(
            option.otype == dns.edns.OptionType.EDE and option.code in STALE
            for option in reply.options
        ) or (negative and reply.authority[0].ttl <= STALE_TTL)
        may_be_stale = says_stale or reply.edns < 0
        self.stale += says_stale
        since = 0.0 if may_be_stale else asked - BEHIND
        if negative is not (address is None):
            self._blame(name, f"neither a yes nor a no: {reply}")
            return
        if negative and reply.edns < 0 and not says_stale:
            since = asked - BEHIND
        places = self._history.places(name, address, since, answered)
        if not places:
            self._blame(name, f"{address}, which it is not ({reply.options})")
            return
        # The first that is no older than what was told before.
        reached = self._reached.get(name, 0)
        newer = [place for place in places if place >= reached]
        if not newer:
            self._blame(name, f"{address}, which was before what was told already")
            return
        self._reached[name] = newer[0]
        self.right += 1

    def _blame(self, name, what):
        self.wrong.append(f"{time.monotonic():.3f} {name}: {what}")


class StreamClient(Client):
    """The same over TCP: a connection for each question, and any worker may take it."""

    def _open(self):
        self._reached = {}

    def _close(self):
        pass

    def _exchange(self, query):
        self._reached = {}
        host, port = self._place
        return dns.query.tcp(query, host, port=port, timeout=WAIT)


class Flood(threading.Thread):
    """Asks for names that never were, and does not wait for the answers."""

    def __init__(self, place, zone):
        super().__init__()
        self._place = place
        self._zone = zone
        self._over = threading.Event()
        self.sent = self.denied = self.unsure = 0
        self.wrong = []

    def run(self):
        chance = random.Random(0)
        while not self._over.is_set():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
                asking.settimeout(0.02)
                asking.connect(self._place)
                for _ in range(50):
                    name = f"{chance.randrange(1 << 60):x}.none.{self._zone}"
                    asking.send(dns.message.make_query(name, "A").to_wire())
                    self.sent += 1
                self._read(asking)

    def _read(self, asking):
        while True:
            try:
                reply = asking.recv(4096)
            except OSError:
                return
            rcode = reply[3] & 0x0F
            self.denied += rcode == dns.rcode.NXDOMAIN
            self.unsure += rcode in UNSURE
            if rcode not in {dns.rcode.NXDOMAIN, *UNSURE}:
                self.wrong.append(dns.message.from_wire(reply).to_text())

    def end(self):
        self._over.set()
        self.join()
