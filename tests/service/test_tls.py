"""Link TLS between real sockets, with certificates of a real private CA."""

import datetime as dt
import socket
import ssl
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from domicile.service.tls import (
    BadCertificates,
    CertificateFiles,
    NotOfTheLink,
    client_context,
    link_name,
    peer_cluster,
    server_context,
)


class Authority:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = self.sign("the CA", self.key.public_key(), authority=True)
        self.path = folder / "ca.pem"
        self.path.write_bytes(pem(self.certificate))

    def sign(self, name, public_key, *, authority):
        now = dt.datetime.now(dt.UTC)
        named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        issuer = named if authority else self.certificate.subject
        builder = (
            x509.CertificateBuilder()
            .subject_name(named)
            .issuer_name(issuer)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(hours=1))
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
        )
        if not authority:
            names = x509.SubjectAlternativeName([x509.DNSName(name)])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, name):
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self.sign(name, key.public_key(), authority=False)
        files = CertificateFiles(
            self.folder / f"{name}.pem", self.folder / f"{name}.key", self.path
        )
        files.certificate.write_bytes(pem(certificate))
        files.key.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return files


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM)


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "ours")


@pytest.fixture
def stranger(tmp_path):
    return Authority(tmp_path / "theirs")


def talk(server, client, cluster):
    """Give what the server saw and what the client read, each perhaps an error."""
    ends = socket.socketpair()
    for end in ends:
        end.settimeout(30)
    seen = []

    def serve():
        try:
            with server.wrap_socket(ends[0], server_side=True) as secure:
                seen.append(peer_cluster(secure))
                secure.sendall(b"welcome")
        except (OSError, NotOfTheLink) as error:
            seen.append(error)
            ends[0].close()

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with client.wrap_socket(ends[1], server_hostname=link_name(cluster)) as secure:
            read = secure.recv(16)
    except OSError as error:
        read = error
        ends[1].close()
    thread.join()
    return seen[0], read


def test_two_clusters_know_each_other(authority):
    server = server_context(authority.issue("birch.link"))
    client = client_context(authority.issue("amber.link"))
    assert talk(server, client, "birch") == ("amber", b"welcome")


def test_a_client_without_a_certificate_is_refused(authority):
    server = server_context(authority.issue("birch.link"))
    client = ssl.create_default_context(cafile=authority.path)
    seen, read = talk(server, client, "birch")
    assert isinstance(seen, ssl.SSLError)
    assert read != b"welcome"


def test_a_client_of_another_authority_is_refused(authority, stranger):
    server = server_context(authority.issue("birch.link"))
    theirs = stranger.issue("amber.link")
    client = client_context(theirs._replace(authority=authority.path))
    seen, read = talk(server, client, "birch")
    assert isinstance(seen, ssl.SSLError)
    assert read != b"welcome"


def test_a_server_of_another_cluster_is_refused(authority):
    server = server_context(authority.issue("cedar.link"))
    client = client_context(authority.issue("amber.link"))
    _, read = talk(server, client, "birch")
    assert isinstance(read, ssl.SSLCertVerificationError)


def test_a_server_of_another_authority_is_refused(authority, stranger):
    server = server_context(stranger.issue("birch.link"))
    client = client_context(authority.issue("amber.link"))
    _, read = talk(server, client, "birch")
    assert isinstance(read, ssl.SSLCertVerificationError)


def test_a_certificate_that_names_no_cluster_is_not_of_the_link(authority):
    server = server_context(authority.issue("birch.link"))
    client = client_context(authority.issue("www.example"))
    seen, _ = talk(server, client, "birch")
    assert isinstance(seen, NotOfTheLink)


def test_missing_files_are_named(authority, tmp_path):
    files = authority.issue("birch.link")._replace(key=tmp_path / "no such key")
    with pytest.raises(BadCertificates, match="no such key"):
        server_context(files)


def test_a_key_of_another_certificate_is_told(authority):
    files = authority.issue("birch.link")
    other = authority.issue("amber.link")
    with pytest.raises(BadCertificates):
        client_context(files._replace(key=other.key))
