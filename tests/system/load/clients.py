"""Clients that hold each answer against what the name had ever stood for.

What an answer may be:

- Of a server that does not say to be behind: what the name stood for at some moment
  between `BEHIND` before the question (so long may a follower have heard nothing before
  it says so, and a poll and a restart come on top) and the answer.
- Of one that says so (an Extended Error 3 or 19): whatever it stood for before.
- On one socket, so from one worker's place: nothing that the name had stood for before
  what was told already; a worker that is started anew reads the same replica.
- Of the question's own zone, as its owners and its SOA say.
- To one who understands DNSSEC (DO), of a zone that is signed: what a validator believes,
  be it a yes or the proof of a no (RFC 9824). Others get no signatures.
- A SERVFAIL, a REFUSED of a server without records, and silence say nothing; they count
  apart, and the client asks again from another port, as resolvers do.
"""

import random
import socket
import threading
import time

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
from dns.rdatatype import NSEC, RRSIG, SOA
from validation import NXNAME, Bogus, judge, types_of, zone_of

from domicile.dns.edns import CO

BEHIND = 5.0 + 2.0
STALE = {dns.edns.EDECode.STALE_ANSWER, dns.edns.EDECode.STALE_NXDOMAIN_ANSWER}
STALE_TTL = 5
UNSURE = {dns.rcode.SERVFAIL, dns.rcode.REFUSED}
PATIENCE = 25.0
WAIT = 1.0
DNSSEC_SHARE = 0.5
NO_ANSWER = (OSError, EOFError, dns.exception.DNSException)


class Client(threading.Thread):
    """Asks for known names, one question after the other, with DO or without.

    `keys` has the DNSKEY RRset of each zone that is signed, by its apex; `zones` are the
    apexes of all. From one port as long as that is answered, where it is `kept`; else each from another.
    """

    def __init__(self, place, history, seed, zones, keys, *, kept=True):
        super().__init__()
        self._place = place
        self._history = history
        self._zones = [dns.name.from_text(each) for each in zones]
        self._keys = keys
        self._kept = kept
        self._random = random.Random(seed)
        self._over = threading.Event()
        self._reached = {}
        self.right = self.stale = self.unsure = self.silent = 0
        self.proved = self.disproved = self.unproved = 0
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
        query = self._query(name)
        deadline = time.monotonic() + PATIENCE
        while not self._ask(name, query):
            self.unproved += self._wants_proof(query)
            if time.monotonic() > deadline:
                self.unanswered.append(name)
                return
            self._close()
            self._open()

    def _query(self, name):
        cased = "".join(self._random.choice((c, c.upper())) for c in name)
        size = self._random.choice((None, 512, 1232))
        query = dns.message.make_query(
            cased, "A", use_edns=None if size is None else 0, payload=size or 0,
            want_dnssec=size is not None and self._random.random() < DNSSEC_SHARE,
        )  # fmt: skip
        if query.ednsflags & dns.flags.DO:
            # RFC 9824 5.1: some want to be told by the rcode, too.
            query.ednsflags |= self._random.choice((0, CO))
        return query

    def _wants_proof(self, query):
        zone = zone_of(query.question[0].name, self._keys)
        return zone is not None and bool(query.ednsflags & dns.flags.DO)

    def _ask(self, name, query):
        """Ask once; say whether that was answered."""
        asked = time.monotonic()
        try:
            reply, reached = self._exchange(query)
        except NO_ANSWER:
            self.silent += 1
            return False
        if reply.rcode() in UNSURE:
            self.unsure += 1
            time.sleep(0.05)
            return False
        flaw = self._flaw(query, reply) or self._lie(
            name, reply, reached, asked, time.monotonic()
        )
        if flaw:
            self.wrong.append(f"{time.monotonic():.3f} {name}: {flaw}")
        else:
            self.right += 1
        return True

    def _exchange(self, query):
        """Give the reply, and which states its sender has reached, where that is known."""
        self._socket.send(query.to_wire())
        while True:
            wire = self._socket.recv(4096)
            if wire[:2] == query.id.to_bytes(2, "big"):
                reply = dns.message.from_wire(wire)
                assert query.is_response(reply)
                if reply.flags & dns.flags.TC:
                    return self._exchange_by_stream(query)
                return reply, self._reached

    def _exchange_by_stream(self, query):
        """Any worker may take it."""
        host, port = self._place
        return dns.query.tcp(query, host, port=port, timeout=WAIT), {}

    def _flaw(self, query, reply):
        """Say what is wrong with a reply whatever the name stands for."""
        name = query.question[0].name
        zone = zone_of(name, self._zones)
        if any(each.name != name for each in reply.answer):
            return f"an answer of another name: {reply}"
        for each in reply.authority:
            # Each zone has a name server of its own name.
            if each.rdtype == SOA and (each.name, each[0].mname.parent()) != (
                zone,
                zone,
            ):
                return f"a no of another zone: {reply}"
        if not self._wants_proof(query):
            found = {each.rdtype for each in (*reply.answer, *reply.authority)}
            return f"signatures: {reply}" if found & {RRSIG, NSEC} else None
        try:
            judge(reply, self._keys, time.time())
        except Bogus as error:
            return f"bogus: {error}: {reply}"
        self.proved += bool(reply.answer)
        self.disproved += not reply.answer
        return None

    def _lie(self, name, reply, reached, asked, answered):
        """Say what is wrong with what a reply says that a name stands for."""
        address = str(reply.answer[0][0]) if reply.answer else None
        negative = denies(reply)
        # Without EDNS there is no telling but by a brief no.
        says_stale = any(
            option.otype == dns.edns.OptionType.EDE and option.code in STALE
            for option in reply.options
        ) or (negative and reply.authority[0].ttl <= STALE_TTL)
        may_be_stale = says_stale or reply.edns < 0
        self.stale += says_stale
        since = 0.0 if may_be_stale else asked - BEHIND
        if negative is not (address is None):
            return f"neither a yes nor a no: {reply}"
        if negative and reply.edns < 0 and not says_stale:
            since = asked - BEHIND
        places = self._history.places(name, address, since, answered)
        if not places:
            return f"{address}, which it is not ({reply.options})"
        # The first that is no older than what was told before.
        newer = [place for place in places if place >= reached.get(name, 0)]
        if not newer:
            return f"{address}, which was before what was told already"
        reached[name] = newer[0]
        return None


def denies(reply):
    """Whether it says that the name is not there: by its rcode, or by its proof."""
    if reply.rcode() is dns.rcode.NXDOMAIN:
        return True
    proofs = [each[0] for each in reply.authority if each.rdtype == NSEC]
    return not reply.answer and any(NXNAME in types_of(each) for each in proofs)


class StreamClient(Client):
    """The same over TCP: a connection for each question."""

    def _open(self):
        pass

    def _close(self):
        pass

    def _exchange(self, query):
        return self._exchange_by_stream(query)


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
