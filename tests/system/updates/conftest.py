"""A directory and two name servers as real processes, and a certificate authority."""

import contextlib
import datetime as dt
import ipaddress
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import dns.message
import dns.query
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from waiting import wait_until

from domicile.host.parts import to_toml

COMMAND = Path(sys.executable).with_name("domicile")
PATIENCE = 40
NAMESERVERS = ("ns1", "ns2")
ZONES = """
[[zones]]
name = "apps.test"
nameservers = { "ns1.apps.test" = ["127.0.0.1"], "ns2.apps.test" = ["127.0.0.1"] }
[[zones]]
name = "far.test"
nameservers = { "ns1.apps.test" = [] }
challenges = "delegate"
validation = "only.test"
[[zones]]
name = "only.test"
nameservers = { "ns1.apps.test" = [] }
challenges = "only"
"""


def free_port():
    """A port that nobody has, by either transport."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            with contextlib.suppress(OSError):
                udp.bind(tcp.getsockname())
                return udp.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Hosting:
    """The services in a folder, and what their clients need to know of them."""

    def __init__(self, folder):
        self.folder = folder
        self.processes = {}
        self.ports = {name: free_port() for name in ("directory", *NAMESERVERS)}
        self.url = f"http://127.0.0.1:{self.ports['directory']}"

    def start(self):
        text = to_toml(
            {
                "data": str(self.folder / "directory"),
                "listen": f"127.0.0.1:{self.ports['directory']}",
            }
        )
        (self.folder / "directory.toml").write_text(text + ZONES)
        self.run("directory")
        wait_until(self._is_there)
        token = (self.folder / "directory" / "operator.token").read_text().strip()
        self.api = httpx.Client(
            base_url=f"{self.url}/v1",
            headers={"Authorization": f"Bearer {token}"},
            timeout=PATIENCE,
        )
        for owner, zone in (("bob", "apps.test"), ("joe", "far.test")):
            assert self.api.post(
                "/owners", json={"name": owner, "zone": zone}
            ).is_success
        for name in NAMESERVERS:
            self._write_nameserver(name)
            self.run(name)
        for name in NAMESERVERS:
            wait_until(lambda name=name: self.knows(name, "bob.apps.test"))

    def _write_nameserver(self, name):
        join = self.api.post("/nameservers", json={"name": name}).json()
        for what in ("token", "sealing_key"):
            (self.folder / f"{name}.{what}").write_text(join[what])
        settings = {
            "name": name,
            "directory": self.url,
            "token_file": str(self.folder / f"{name}.token"),
            "sealing_key_file": str(self.folder / f"{name}.sealing_key"),
            "data": str(self.folder / name),
            "listen": [f"127.0.0.1:{self.ports[name]}"],
        }
        (self.folder / f"{name}.toml").write_text(to_toml(settings))

    def run(self, name):
        service = "nameserver" if name in NAMESERVERS else name
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [COMMAND, service, "--config", self.folder / f"{name}.toml"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def kill(self, name):
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    @contextlib.contextmanager
    def stopped(self, name):
        """Have a service's processes stand still."""
        group = self.processes[name].pid
        os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(group, signal.SIGCONT)

    def end(self):
        self.api.close()
        for process in self.processes.values():
            process.terminate()
        for name, process in self.processes.items():
            assert process.wait(PATIENCE) == 0, name

    def mend(self):
        for name in ("directory", *NAMESERVERS):
            if name not in self.processes:
                self.run(name)
        wait_until(self._is_there)
        for name in NAMESERVERS:
            wait_until(lambda name=name: self.knows(name, "bob.apps.test"))
        wait_until(self._all_follow)
        for left in self.api.get("/challenges").json()["rows"]:
            assert self.api.delete(f"/challenges/{left['name']}").is_success

    def _is_there(self):
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/v1/owners").status_code == 401
        return False

    def _all_follow(self):
        followers = self.api.get("/status").json()["followers"]
        return len(followers) >= 2 and not any(each["behind"] for each in followers)

    def knows(self, name, host):
        """Whether a name server knows a name for certain."""
        with contextlib.suppress(dns.exception.Timeout, OSError):
            answer = self.ask(name, host, "A")
            return answer.rcode() == dns.rcode.NOERROR and not answer.options
        return False

    def ask(self, nameserver, name, kind="TXT", ask=dns.query.udp):
        query = dns.message.make_query(name, kind, use_edns=0)
        return ask(query, "127.0.0.1", timeout=3, port=self.ports[nameserver])

    def texts(self, nameserver, name):
        """Give the values of challenges that a name server answers."""
        rrsets = self.ask(nameserver, name).answer
        return sorted(
            string.decode()
            for rrset in rrsets if rrset.rdtype == dns.rdatatype.TXT
            for rdata in rrset for string in rdata.strings
        )  # fmt: skip

    def add_key(self, name, *names, **more):
        """Give a key's secret, once both name servers know it."""
        body = {"name": name, "names": names} | more
        answer = self.api.post("/keys", json=body)
        assert answer.is_success, answer.text
        # A change that all have acknowledged comes after it.
        path = "/challenges/_acme-challenge.apps.test"
        assert self.api.delete(path).is_success
        return answer.json()["secret"]


@pytest.fixture(scope="session")
def hosting_session(tmp_path_factory):
    hosting = Hosting(tmp_path_factory.mktemp("updates"))
    try:
        hosting.start()
        yield hosting
    finally:
        hosting.end()


@pytest.fixture
def hosting(hosting_session):
    hosting_session.mend()
    return hosting_session


@pytest.fixture(scope="session")
def tool():
    """Give a program's path, or skip what needs it."""

    def find(name, package):
        path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")
        if path is None:
            pytest.skip(f"there is no {name} (Debian: {package})")
        return path

    return find


class Pebble:
    """Let's Encrypt's own test authority; it asks the second name server."""

    def __init__(self, path, folder, resolver):
        self.ca = folder / "ca.pem"
        self._make_certificate(folder)
        port, management = free_port(), free_port()
        self.url = f"https://localhost:{port}/dir"
        (folder / "pebble.json").write_text(
            json.dumps(
                {
                    "pebble": {
                        "listenAddress": f"127.0.0.1:{port}",
                        "managementListenAddress": f"127.0.0.1:{management}",
                        "certificate": str(folder / "pebble.pem"),
                        "privateKey": str(folder / "pebble.key"),
                        "httpPort": 5002,
                        "tlsPort": 5001,
                        "ocspResponderURL": "",
                        "externalAccountBindingRequired": False,
                    }
                }
            )
        )
        # It would refuse one of twenty nonces, and certbot gives up at two in a row.
        trials = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"}
        with (folder / "pebble.log").open("wb") as log:
            self._process = subprocess.Popen(
                [path, "-config", folder / "pebble.json", "-dnsserver", resolver],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=os.environ | trials,
            )  # fmt: skip
        wait_until(lambda: listens(port))

    def end(self):
        self._process.terminate()
        self._process.wait(PATIENCE)

    def _make_certificate(self, folder):
        """Make the certificate that it shows, signed by itself."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        now = dt.datetime.now(dt.UTC)
        alternatives = [
            x509.DNSName("localhost"),
            x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        ]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(key, hashes.SHA256())
        )
        pem = certificate.public_bytes(serialization.Encoding.PEM)
        self.ca.write_bytes(pem)
        (folder / "pebble.pem").write_bytes(pem)
        (folder / "pebble.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )


@pytest.fixture(scope="session")
def pebble(tool, hosting_session, tmp_path_factory):
    resolver = f"127.0.0.1:{hosting_session.ports['ns2']}"
    path = tool("pebble", "pebble")
    pebble = Pebble(path, tmp_path_factory.mktemp("pebble"), resolver)
    yield pebble
    pebble.end()
