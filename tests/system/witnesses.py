"""Clients that ask again and again, and keep what they were told."""

import hashlib
import http.client
import threading

import dns.exception
import dns.message
import dns.rcode

BODY = bytes(range(256)) * 200
DIGEST = hashlib.sha256(BODY).hexdigest()


class Hammer(threading.Thread):
    """Asks again and again, of two apps in turn; keeps who answered, and what failed.

    `place` gives where to connect for a host; where `kept`, one connection serves all.
    """

    def __init__(self, place, hosts, *, kept=False):
        super().__init__()
        self._place = place
        self._hosts = hosts
        self._kept = open_connection(place(None)) if kept else None
        self._over = threading.Event()
        self.answers = []
        self.failures = []

    def run(self):
        while not self._over.wait(0.005):
            for host, method in self._hosts:
                try:
                    self._ask(host, method)
                except Exception as error:
                    self.failures.append(f"{method} {host}: {error!r}")

    def end(self):
        self._over.set()
        self.join()
        if self._kept is not None:
            self._kept.close()

    def _ask(self, host, method):
        connection = self._kept or open_connection(self._place(host))
        body = BODY if method == "POST" else None
        connection.request(method, "/digest", body, {"Host": host})
        answer = connection.getresponse()
        text = answer.read().decode()
        if not self._kept:
            connection.close()
        if answer.status != 200 or (body and DIGEST not in text):
            self.failures.append(f"{method} {host}: {answer.status} {text}")
        told = answer.headers["Cluster"], answer.headers["Generation"]
        self.answers.append((host, *told))

    def clusters(self):
        return {cluster for _, cluster, _ in self.answers}


# What is no answer, and so no wrong one: the cluster or the name server says so.
UNSURE = {dns.rcode.SERVFAIL, dns.rcode.REFUSED}
UNSURE_SECONDS = 5
UNABLE = {502, 503, 504}
NO_ANSWER = (OSError, EOFError, dns.exception.DNSException, http.client.HTTPException)


class Witness(threading.Thread):
    """Asks for an app again and again; keeps what was right, missing and wrong.

    An answer is missing where there was none, or one that says to be unsure.
    """

    def __init__(self, ask, right):
        super().__init__()
        self._ask = ask
        self._right = right
        self._over = threading.Event()
        self.right = 0
        self.missing = []
        self.wrong = []

    def run(self):
        while not self._over.wait(0.005):
            try:
                told = self._ask()
            except NO_ANSWER as error:
                self.missing.append(repr(error))
                continue
            if told in self._right:
                self.right += 1
            elif isinstance(told, Unsure):
                self.missing.append(told)
            else:
                self.wrong.append(told)

    def end(self):
        self._over.set()
        self.join()


class Unsure(str):
    """An answer that says to be none."""

    __slots__ = ()


def witness_names(demo, host, ask, seconds):
    """Ask the name server for a host; gives its address, or what else was said."""
    reply = demo.ask_dns(dns.message.make_query(host, "A"), ask, seconds)
    if reply.answer:
        return str(reply.answer[0][0])
    known = reply.authority and reply.authority[0].ttl > UNSURE_SECONDS
    return reply.to_text() if known else Unsure(dns.rcode.to_text(reply.rcode()))


def witness_app(demo, host, cluster):
    """Ask a cluster for an app; gives status and text."""
    connection = open_connection(demo.place(cluster))
    try:
        connection.request("GET", "/page", headers={"Host": host})
        answer = connection.getresponse()
        told = f"{answer.status} {answer.read().decode()}"
    finally:
        connection.close()
    return Unsure(told) if answer.status in UNABLE else told


def open_connection(place):
    opened = http.client.HTTPConnection(*place, timeout=20)
    opened.connect()
    opened.auto_open = False  # Never a second one unseen.
    return opened
