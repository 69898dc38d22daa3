"""Real clients of RFC 2136 update challenges, and certificates are issued by them."""

import os
import subprocess
from pathlib import Path

import pytest
from cryptography import x509

AT = "_acme-challenge.bob.apps.test"
MIEKG = Path(__file__).with_name("miekg.go")
NAMES = ["bob.apps.test", "*.bob.apps.test"]


def run(command, text="", **environment):
    return subprocess.run(
        command, input=text, capture_output=True, text=True, timeout=100,
        env=os.environ | environment,
    )  # fmt: skip


def answers(hosting, name=AT):
    """What both name servers answer, right after an update was said to be done."""
    return [hosting.texts(each, name) for each in ("ns1", "ns2")]


@pytest.mark.parametrize("algorithm", ["hmac-sha256", "hmac-sha384", "hmac-sha512"])
@pytest.mark.parametrize("transport", [[], ["-v"]], ids=["udp", "tcp"])
def test_nsupdate_finds_the_zone_and_updates_it(hosting, tool, algorithm, transport):
    key = f"ns{algorithm[-3:]}{len(transport)}"
    secret = hosting.add_key(key, "bob.apps.test", algorithm=algorithm)
    tool_path = tool("nsupdate", "bind9-dnsutils")
    command = [tool_path, *transport, "-y", f"{algorithm}:{key}:{secret}"]
    server = f"server 127.0.0.1 {hosting.ports['ns1']}\n"
    done = run(
        command,
        f'{server}update add {AT} 60 TXT "one"\nupdate add {AT} 60 TXT "two"\nsend\n',
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert answers(hosting) == [["one", "two"]] * 2
    done = run(command, f'{server}update delete {AT} TXT "one"\nsend\n')
    assert (done.returncode, answers(hosting)) == (0, [["two"]] * 2)
    done = run(
        command, f"{server}prereq nxrrset {AT} TXT\nupdate delete {AT} TXT\nsend\n"
    )
    assert "YXRRSET" in done.stderr
    assert answers(hosting) == [["two"]] * 2
    done = run(
        command, f"{server}prereq yxrrset {AT} TXT two\nupdate delete {AT}\nsend\n"
    )
    assert (done.returncode, answers(hosting)) == (0, [[], []])


def test_knsupdate_updates_a_delegated_challenge_under_both_its_names(hosting, tool):
    secret = hosting.add_key("knot", "joe.far.test")
    command = [tool("knsupdate", "knot-dnsutils"), "-y", f"hmac-sha256:knot:{secret}"]
    for zone, name, value in (
        ("far.test", "_acme-challenge.joe.far.test", "one"),
        ("only.test", "joe.far.test.only.test", "two"),
    ):
        text = (
            f"server 127.0.0.1 {hosting.ports['ns2']}\nzone {zone}.\norigin {zone}.\n"
            f'add {name}. 60 TXT "{value}"\nsend\n'
        )
        done = run(command, text)
        assert done.returncode == 0, done
    expected = [["one", "two"]] * 2
    assert answers(hosting, "_acme-challenge.joe.far.test") == expected
    assert answers(hosting, "joe.far.test.only.test") == expected


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("_acme-challenge.apps.test", "REFUSED"),
        ("_acme-challenge.joe.far.test", "REFUSED"),
        ("hello.bob.apps.test", "REFUSED"),
        ("_acme-challenge.example", "NOTAUTH"),
    ],
)
def test_what_a_key_is_not_for_is_refused(hosting, tool, name, says):
    key = f"refused{len(name)}"
    secret = hosting.add_key(key, "bob.apps.test")
    command = [tool("nsupdate", "bind9-dnsutils"), "-y", f"hmac-sha256:{key}:{secret}"]
    zone = name.partition(".")[2] if "far" not in name else "far.test"
    zone = {"bob.apps.test": "apps.test", "example": "example"}.get(zone, zone)
    text = f"server 127.0.0.1 {hosting.ports['ns1']}\nzone {zone}\n"
    done = run(command, f"{text}update add {name} 60 TXT one\nsend\n")
    assert done.returncode != 0
    assert says in done.stderr


def test_the_library_of_cert_manager_updates(hosting, tool, tmp_path):
    """Its client waits for two seconds, and sends everything in one message."""
    libraries = Path("/usr/share/gocode")
    if not (libraries / "src/github.com/miekg/dns").exists():
        pytest.skip("there is no miekg/dns (Debian: golang-github-miekg-dns-dev)")
    built = run(
        [tool("go", "golang-go"), "build", "-o", tmp_path / "update", MIEKG],
        GO111MODULE="off", GOPATH=str(libraries), GOFLAGS="",
        GOCACHE=str(tmp_path / "cache"),
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    secret = hosting.add_key("miekg", "bob.apps.test")
    server = f"127.0.0.1:{hosting.ports['ns1']}"
    for value in ("one", "two"):
        command = [tmp_path / "update", server, "apps.test.", f"{AT}.", value, secret]
        assert run(command).stdout == "NOERROR\n"
        assert answers(hosting) == [[value]] * 2


def test_a_wrong_secret_is_told(hosting, tool):
    hosting.add_key("wrong", "bob.apps.test")
    secret = "A" * 43 + "="
    command = [tool("nsupdate", "bind9-dnsutils"), "-y", f"hmac-sha256:wrong:{secret}"]
    text = f"server 127.0.0.1 {hosting.ports['ns1']}\nzone apps.test\n"
    done = run(command, f"{text}update add {AT} 60 TXT one\nsend\n")
    assert "BADSIG" in done.stderr
    assert answers(hosting) == [[], []]


def names_in(file):
    certificate = x509.load_pem_x509_certificate(file.read_bytes())
    found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return sorted(found.value.get_values_for_type(x509.DNSName))


@pytest.mark.parametrize("zone", ["apps.test", "far.test"])
def test_certbot_has_a_wildcard_issued(hosting, tool, pebble, tmp_path, zone):
    owner = {"apps.test": "bob", "far.test": "joe"}[zone]
    key, host = f"certbot-{owner}", f"{owner}.{zone}"
    certbot = tool("certbot", "python3-certbot-dns-rfc2136")
    folders = [
        "--config-dir", tmp_path / "c", "--work-dir", tmp_path / "w",
        "--logs-dir", tmp_path / "l",
    ]  # fmt: skip
    if "dns-rfc2136" not in run([certbot, "plugins", *folders]).stdout:
        pytest.skip("certbot has no dns-rfc2136 (Debian: python3-certbot-dns-rfc2136)")
    secret = hosting.add_key(key, host, algorithm="hmac-sha512")
    ini = tmp_path / "rfc2136.ini"
    ini.write_text(
        f"dns_rfc2136_server = 127.0.0.1\ndns_rfc2136_port = {hosting.ports['ns1']}\n"
        f"dns_rfc2136_name = {key}\ndns_rfc2136_secret = {secret}\n"
        "dns_rfc2136_algorithm = HMAC-SHA512\n"
    )
    ini.chmod(0o600)
    done = run(
        [
            certbot, "certonly", "-n", *folders,
            "--agree-tos", "-m", "a@bob.example", "--server", pebble.url, "--dns-rfc2136",
            "--dns-rfc2136-credentials", ini,
            # All name servers have it when the update is answered.
            "--dns-rfc2136-propagation-seconds", "0",
            "-d", host, "-d", f"*.{host}",
        ],
        REQUESTS_CA_BUNDLE=str(pebble.ca),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    issued = tmp_path / "c" / "live" / host / "cert.pem"
    assert names_in(issued) == [f"*.{host}", host]
    assert answers(hosting, f"_acme-challenge.{host}") == [[], []]


def test_lego_has_a_wildcard_issued(hosting, tool, pebble, tmp_path):
    secret = hosting.add_key("lego", "bob.apps.test")
    done = run(
        [
            tool("lego", "lego"), "--server", pebble.url, "-a", "-m", "a@bob.example",
            "--path", tmp_path, "--dns", "rfc2136", "--dns.disable-cp",
            "--dns.resolvers", f"127.0.0.1:{hosting.ports['ns2']}",
            "-d", NAMES[0], "-d", NAMES[1], "run",
        ],
        LEGO_CA_CERTIFICATES=str(pebble.ca),
        RFC2136_NAMESERVER=f"127.0.0.1:{hosting.ports['ns1']}",
        RFC2136_TSIG_KEY="lego.",
        RFC2136_TSIG_ALGORITHM="hmac-sha256.",
        RFC2136_TSIG_SECRET=secret,
        RFC2136_SEQUENCE_INTERVAL="1",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    issued = tmp_path / "certificates" / "bob.apps.test.crt"
    assert names_in(issued) == sorted(NAMES)
    assert answers(hosting) == [[], []]
