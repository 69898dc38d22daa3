"""Secondaries of another make, which hold a zone of ours."""

import contextlib
import shutil
import subprocess

import dns.exception
import dns.message
import dns.query

NSD, KNOT = "nsd", "knotd"


def _path(command):
    return shutil.which(command, path="/usr/sbin:/usr/bin:/sbin:/bin")


def is_installed(make):
    return _path(make) is not None


class Secondary:
    """One of them; `primary` is the address that it takes the zone from."""

    def __init__(self, make, address, folder):
        self.make = make
        self.address = address
        self.folder = folder
        folder.mkdir()
        self._process = None

    def start(self, primary, key, tls=None):
        config = self.folder / "config"
        config.write_text(_CONFIGS[self.make](self, primary, key, tls))
        command = {NSD: ["-d", "-c", config], KNOT: ["-c", config]}[self.make]
        self._log = (self.folder / "log").open("w+")
        self._process = subprocess.Popen(
            [_path(self.make), *command], stdout=self._log, stderr=subprocess.STDOUT
        )

    def ask(self, name, rdtype="A"):
        query = dns.message.make_query(name, rdtype)
        return dns.query.udp(query, self.address.host, 5, self.address.port)

    def serial(self):
        with contextlib.suppress(OSError, dns.exception.DNSException):
            for rrset in self.ask("apps.test", "SOA").answer:
                return rrset[0].serial
        return 0

    def said(self):
        self._log.seek(0)
        return self._log.read()

    def end(self):
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._log.close()
            self._process = None


def _nsd(self, primary, key, tls):
    bundle, auth, by_tls = "", "", ""
    if tls is not None:
        bundle = f'  tls-cert-bundle: "{tls.certificate}"'
        auth = f'tls-auth:\n  name: ours\n  auth-domain-name: "{tls.name}"\n'
        by_tls = " ours"
    return f"""server:
  ip-address: {self.address.host}@{self.address.port}
  server-count: 1
  username: ""
  chroot: ""
  zonesdir: "{self.folder}"
  pidfile: "{self.folder}/pid"
  xfrdfile: "{self.folder}/xfrd"
  zonelistfile: "{self.folder}/zonelist"
  xfrdir: "{self.folder}"
  verbosity: 2
  xfrd-reload-timeout: 0
  database: ""
  rrl-ratelimit: 0
{bundle}
remote-control:
  control-enable: no
key:
  name: "{key[0]}"
  algorithm: hmac-sha256
  secret: "{key[1]}"
{auth}
zone:
  name: "apps.test"
  zonefile: "{self.folder}/apps.test.zone"
  request-xfr: {primary.host}@{primary.port} {key[0]}{by_tls}
  allow-notify: 127.0.0.1 {key[0]}
"""


def _knot(self, primary, key, _tls):
    return f"""server:
  listen: {self.address.host}@{self.address.port}
  rundir: "{self.folder}"
database:
  storage: "{self.folder}/db"
log:
  - target: stderr
    any: info
key:
  - id: {key[0]}
    algorithm: hmac-sha256
    secret: {key[1]}
remote:
  - id: primary
    address: {primary.host}@{primary.port}
    key: {key[0]}
acl:
  - id: told
    address: 127.0.0.1
    key: {key[0]}
    action: notify
zone:
  - domain: apps.test
    storage: "{self.folder}"
    master: primary
    acl: told
"""


_CONFIGS = {NSD: _nsd, KNOT: _knot}
