"""TLS octet by octet: a client of Python's own against our side, without sockets."""

import ssl

import pytest
from certificates import NAME, make, public

from domicile.config import BadConfiguration
from domicile.nameserver.tls import Certificate, Session


@pytest.fixture
def files(tmp_path):
    return make(tmp_path)


@pytest.fixture
def certificate(files):
    return Certificate(*files)


class Client:
    """The other side; `say` gives what came back."""

    def __init__(self, server, session=None, version=None, protocols=("dot",)):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(protocols)
        if session is not None:
            self.context = session.context
            context = self.context
        if version:
            context.minimum_version = context.maximum_version = version
        self.context = context
        self.server = server
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(
            self._in,
            self._out,
            server_hostname=NAME,
            session=session and session.tls.session,
        )

    def shake(self, piece=65536):
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._pass(piece)
        return self._pass(piece)

    def say(self, octets):
        self.tls.write(octets)
        return self._pass()

    def hear(self, octets):
        self._in.write(octets)
        try:
            return self.tls.read(65536)
        except ssl.SSLWantReadError:
            return b""

    def _pass(self, piece=65536):
        said = b""
        while octets := self._out.read(piece):
            said += self.server.receive(octets)
            self._in.write(self.server.take())
        return said


def test_what_is_said_arrives_either_way_however_it_is_cut(certificate):
    server = Session(certificate.context)
    client = Client(server)
    client.shake(piece=1)
    assert server.established
    assert client.tls.selected_alpn_protocol() == "dot"
    assert client.say(b"question" * 10_000) == b"question" * 10_000
    assert client.hear(server.send(b"answer")) == b"answer"
    assert not server.ended


def test_a_client_without_alpn_is_served(certificate):
    client = Client(Session(certificate.context), protocols=["other"])
    client.shake()
    assert client.tls.selected_alpn_protocol() is None


def test_what_is_no_tls_is_an_error(certificate):
    server = Session(certificate.context)
    with pytest.raises(ssl.SSLError):
        server.receive(b"\0\x1dplain DNS")
    assert not server.established


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1_1")
def test_older_than_1_2_is_refused(certificate):
    server = Session(certificate.context)
    client = Client(server, version=ssl.TLSVersion.TLSv1_1)
    with pytest.raises(ssl.SSLError):
        client.shake()
    assert not server.established


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_ticket_is_good_also_after_the_certificate_was_renewed(
    certificate, files, tmp_path, version
):
    first = Client(server := Session(certificate.context), version=version)
    first.shake()
    first.hear(server.send(b"answer"))
    make(tmp_path)
    assert [certificate.renew(), certificate.renew()] == [False, True]
    again = Client(Session(certificate.context), session=first)
    again.shake()
    assert again.tls.session_reused


def test_who_ends_is_told_that_we_end(certificate):
    client = Client(server := Session(certificate.context))
    client.shake()
    with pytest.raises(ssl.SSLWantReadError):
        client.tls.unwrap()
    client._pass()
    assert server.ended
    client._in.write(server.end())
    client.tls.unwrap()


def test_a_renewed_certificate_is_shown_once_its_files_are_at_rest(
    certificate, files, tmp_path
):
    assert not certificate.renew()
    make(tmp_path)
    assert not certificate.renew()
    assert certificate.renew()
    assert not certificate.renew()
    client = Client(Session(certificate.context))
    client.shake()
    assert client.tls.getpeercert(binary_form=True) == public(files)


def test_a_bad_renewal_is_told_once_and_the_old_one_shown_on(
    certificate, files, tmp_path
):
    shown = public(files)
    (tmp_path / "other").mkdir()
    files[1].write_bytes(make(tmp_path / "other")[1].read_bytes())
    certificate.renew()
    with pytest.raises(BadConfiguration, match="no certificate and its key"):
        certificate.renew()
    assert not certificate.renew()
    client = Client(Session(certificate.context))
    client.shake()
    assert client.tls.getpeercert(binary_form=True) == shown


def test_a_file_that_cannot_be_read_is_named(files):
    files[1].unlink()
    with pytest.raises(BadConfiguration, match=r"key_file .*key\.pem .*No such file"):
        Certificate(*files)


def test_what_is_no_certificate_is_refused(files):
    files[0].write_text("rubbish")
    with pytest.raises(BadConfiguration, match="no certificate and its key"):
        Certificate(*files)


def test_a_key_with_a_password_is_refused_and_nobody_asked(tmp_path):
    with pytest.raises(BadConfiguration, match="without a password"):
        Certificate(*make(tmp_path, password=b"secret"))
