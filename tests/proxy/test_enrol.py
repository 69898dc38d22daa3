"""Enrolment against a real HTTP server that signs as the directory does."""

import datetime as dt
import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from domicile.proxy.enrol import (
    NotEnrolled,
    enrol,
    is_due,
    link_files,
    out_of_date,
    write_trust,
)
from domicile.service.tls import client_context, server_context

LIFE = dt.timedelta(days=30)
NOW = dt.datetime.now(dt.UTC)


class Authority:
    def __init__(self, name="the CA"):
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.pem = self.sign(self.key.public_key(), self.name, authority=True)

    def sign(self, public_key, subject, *, authority=False):
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW)
            .not_valid_after(NOW + LIFE)
            .add_extension(x509.BasicConstraints(authority, None), critical=True)
        )
        signed = builder.sign(self.key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture
def manager():
    """Answers what `server.answer(csr)` gives: a status and a body."""

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            asked = x509.load_pem_x509_csr(json.loads(body)["csr"].encode())
            status, answer = server.answer(asked)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def answer_of(authority, key=None):
    def answer(asked):
        certificate = authority.sign(key or asked.public_key(), x509.Name([]))
        return 201, {"certificate": certificate, "authority": [authority.pem]}

    return answer


async def ask(manager, files):
    url = f"http://127.0.0.1:{manager.server_port}"
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        await enrol(client, files)


async def test_what_is_enrolled_makes_contexts_for_both_sides(manager, tmp_path):
    files = link_files(tmp_path)
    manager.answer = answer_of(Authority())
    await ask(manager, files)
    assert server_context(files).verify_mode is ssl.CERT_REQUIRED
    assert client_context(files).check_hostname


async def test_the_key_is_for_its_owner_only_and_nothing_else_stays(manager, tmp_path):
    files = link_files(tmp_path)
    manager.answer = answer_of(Authority())
    await ask(manager, files)
    assert files.key.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in tmp_path.iterdir()} == {"link.pem", "trust.pem"}


async def test_it_is_due_without_files_and_after_two_thirds_of_its_life(
    manager, tmp_path
):
    files = link_files(tmp_path)
    assert is_due(files, NOW)
    manager.answer = answer_of(Authority())
    await ask(manager, files)
    assert not is_due(files, NOW + LIFE * 0.66)
    assert is_due(files, NOW + LIFE * 0.67)
    assert is_due(files, NOW - LIFE / 100)
    files.authority.unlink()
    assert is_due(files, NOW)


async def test_a_certificate_of_another_time_is_told_of(manager, tmp_path):
    """Its clock, or ours, is wrong."""
    files = link_files(tmp_path)
    manager.answer = answer_of(Authority())
    await ask(manager, files)
    assert out_of_date(files, NOW) == out_of_date(files, NOW + LIFE * 0.9) == ""
    for wrong in (NOW - LIFE, NOW + 2 * LIFE):
        assert f"clock says {wrong:%F}" in out_of_date(files, wrong)


async def test_it_is_due_when_the_newest_ca_did_not_issue_it(manager, tmp_path):
    files, old, new = link_files(tmp_path), Authority(), Authority()
    manager.answer = answer_of(old)
    await ask(manager, files)
    assert not is_due(files, NOW, (old.pem,))
    assert is_due(files, NOW, (new.pem, old.pem))


@pytest.mark.parametrize(
    "answer",
    [
        lambda _: (503, {}),
        lambda _: (201, {}),
        lambda _: (201, {"certificate": "x", "authority": []}),
        lambda _: (201, {"certificate": "é", "authority": ["é"]}),
        answer_of(Authority(), ec.generate_private_key(ec.SECP256R1()).public_key()),
        lambda asked: (201, answer_of(Authority())(asked)[1] | {"authority": []}),
        lambda asked: (
            201,
            answer_of(Authority())(asked)[1] | {"authority": [Authority().pem]},
        ),
    ],
)
async def test_an_answer_that_is_no_use_leaves_the_old_certificate(
    manager, tmp_path, answer
):
    files = link_files(tmp_path)
    manager.answer = answer_of(Authority())
    await ask(manager, files)
    before = files.certificate.read_bytes(), files.authority.read_bytes()
    manager.answer = answer
    with pytest.raises(NotEnrolled):
        await ask(manager, files)
    assert (files.certificate.read_bytes(), files.authority.read_bytes()) == before


async def test_a_manager_that_is_away_is_one_sentence(tmp_path):
    async with httpx.AsyncClient(
        base_url="http://127.0.0.1:1", trust_env=False
    ) as client:
        with pytest.raises(NotEnrolled, match="gave no link certificate"):
            await enrol(client, link_files(tmp_path))


def test_trust_is_written_only_when_it_is_new(tmp_path):
    files, old, new = link_files(tmp_path), Authority().pem, Authority().pem
    assert write_trust(files, (old,))
    assert not write_trust(files, (old,))
    assert write_trust(files, (new, old))
    assert files.authority.read_text().count("BEGIN CERTIFICATE") == 2
