"""A directory and two name servers as real processes, with a zone whose TTLs are short."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import dns.message
import dns.query
import httpx
from peers import free_port

COMMAND = Path(sys.executable).with_name("domicile")
PATIENCE = 60
ZONE = "apps.test"
HOSTS = {"ns1": "127.53.7.1", "ns2": "127.53.7.2"}

FILE = """
@           300 SOA   ns1 hostmaster 1 3600 600 1209600 60
@           300 NS    ns1
@           300 NS    ns2
@           300 MX    10 mail
ns1         300 A     127.53.7.1
ns2         300 A     127.53.7.2
hostmaster  300 A     192.0.2.9
mail        300 A     192.0.2.25
mail        300 AAAA  2001:db8::25
deep.down   300 TXT   "below two empty names"
*.wild      300 A     192.0.2.1
alias       300 CNAME mail
lost        300 CNAME nobody
old         300 DNAME new
www.new     300 A     192.0.2.2
child       300 NS    ns.child
ns.child    300 A     192.0.2.54
safe        300 NS    ns.safe
safe        300 DS    1 13 2 abababababababababababababababababababababababababababababababab
ns.safe     300 A     192.0.2.55
"""


class Site:
    """They, and the command that speaks with the directory."""

    def __init__(self, folder, port=None, ttl=2):
        """`port` is that of the name servers, each at an address of its own."""
        self.folder = folder
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{free_port()}"
        self.processes = {}
        (folder / "zone").write_text(FILE)
        servers = ", ".join(f'"{n}.{ZONE}" = ["{at}"]' for n, at in HOSTS.items())
        (folder / "directory.toml").write_text(
            f'data = "{folder}/directory"\nlisten = "{self.url[7:]}"\n'
            f'resolvers = ["127.0.0.1:9"]\n[[zones]]\nname = "{ZONE}"\n'
            f"nameservers = {{ {servers} }}\nlongest_ttl = {ttl}\nds_ttl = {ttl}\n"
        )

    def start(self):
        self.run_service("directory", "directory")
        self.wait_until(self.answers)
        token = (self.folder / "directory" / "operator.token").read_text().strip()
        self.environment = os.environ | {
            "DOMICILE_URL": self.url,
            "DOMICILE_TOKEN": token,
        }
        self.client = httpx.Client(
            base_url=f"{self.url}/v1", headers={"Authorization": f"Bearer {token}"}
        )
        for name in HOSTS:
            self.add_nameserver(name)
        for name in HOSTS:
            self.wait_until(lambda name=name: self.ask(ZONE, "SOA", name).answer)
        return self

    def add_nameserver(self, name):
        join = self.client.post("/nameservers", json={"name": name}).json()
        (self.folder / f"{name}.token").write_text(join["token"])
        (self.folder / f"{name}.key").write_text(join["sealing_key"])
        (self.folder / f"{name}.toml").write_text(
            f'name = "{name}"\ndirectory = "{self.url}"\n'
            f'token_file = "{self.folder}/{name}.token"\n'
            f'sealing_key_file = "{self.folder}/{name}.key"\n'
            f'data = "{self.folder}/{name}"\nworkers = 1\n'
            f'listen = ["{HOSTS[name]}:{self.port}"]\n'
            f'[[zones]]\nname = "{ZONE}"\nfile = "{self.folder}/zone"\n'
        )
        self.run_service(name, "nameserver")

    def run_service(self, name, service):
        with (self.folder / f"{name}.log").open("a") as log:
            self.processes[name] = subprocess.Popen(
                [COMMAND, service, "--config", self.folder / f"{name}.toml"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def end(self):
        self.client.close()
        for process in reversed(self.processes.values()):
            process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            process.wait(20)

    def answers(self):
        try:
            return httpx.get(self.url).status_code
        except httpx.TransportError:
            return False

    def wait_until(self, holds):
        deadline = time.monotonic() + PATIENCE
        while not (found := self._held(holds)):
            dead = [n for n, each in self.processes.items() if each.poll() is not None]
            assert not dead, (self.folder / f"{dead[0]}.log").read_text()
            assert time.monotonic() < deadline, "it does not come about"
            time.sleep(0.05)
        return found

    @staticmethod
    def _held(holds):
        try:
            return holds()
        except (OSError, dns.exception.DNSException):
            return False

    def zone(self, verb="show", *options):
        ran = subprocess.run(
            [COMMAND, "zone", verb, ZONE, *options, "--json"],
            capture_output=True, text=True, env=self.environment, timeout=PATIENCE,
        )  # fmt: skip
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    def ask(self, name, rdtype="A", server="ns1", ask=dns.query.udp):
        query = dns.message.make_query(name, rdtype, want_dnssec=True, payload=1232)
        return ask(query, HOSTS[server], port=self.port, timeout=5)
