"""The private CA: what it signs, what it keeps, and what it refuses."""

import stat
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from domicile.directory.authority import (
    BadAuthorityFolder,
    BadSigningRequest,
    LinkAuthority,
)

NOW = 1_800_000_000.0


def clock():
    return NOW


@pytest.fixture
def authority(tmp_path):
    return LinkAuthority(tmp_path / "ca", clock)


def signing_request(key=None, common_name="anything", host="evil.example"):
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key or ec.generate_private_key(ec.SECP256R1()), hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )


def certificates(authority):
    return [x509.load_pem_x509_certificate(p.encode()) for p in authority.record.bundle]


def issued(authority, **asked):
    pem = authority.issue("amber", signing_request(**asked))
    return x509.load_pem_x509_certificate(pem.encode())


def test_the_ca_is_valid_for_ten_years(authority):
    (certificate,) = certificates(authority)
    now = datetime.fromtimestamp(NOW, UTC)
    assert certificate.not_valid_after_utc - now == timedelta(days=3650)
    assert certificate.extensions.get_extension_for_class(
        x509.BasicConstraints
    ).value.ca


@pytest.mark.usefixtures("authority")
def test_the_key_is_for_its_owner_only_and_no_draft_stays(tmp_path):
    (file,) = (tmp_path / "ca").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_draft_that_a_crash_left_is_not_written_into(tmp_path):
    """Its mode might let others read the key."""
    draft = tmp_path / "link-1.new"
    draft.write_text("half")
    draft.chmod(0o644)
    LinkAuthority(tmp_path, clock)
    assert stat.S_IMODE((tmp_path / "link-1.pem").stat().st_mode) == 0o600


def test_a_restart_takes_up_the_same_ca(authority, tmp_path):
    again = LinkAuthority(tmp_path / "ca", clock)
    assert again.record == authority.record
    issued(again).verify_directly_issued_by(certificates(authority)[0])


def test_a_link_certificate_names_its_cluster_whatever_was_asked(authority):
    certificate = issued(authority, common_name="birch.link", host="birch.link")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["amber.link"]
    assert certificate.subject.rfc4514_string() == "CN=amber.link"


def test_a_link_certificate_serves_and_asks_and_signs_nothing(authority):
    extensions = issued(authority).extensions
    assert set(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == {
        ExtendedKeyUsageOID.SERVER_AUTH,
        ExtendedKeyUsageOID.CLIENT_AUTH,
    }
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert not extensions.get_extension_for_class(x509.KeyUsage).value.key_cert_sign


def test_a_link_certificate_lives_thirty_days_and_bears_the_asked_key(authority):
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = issued(authority, key=key)
    now = datetime.fromtimestamp(NOW, UTC)
    assert certificate.not_valid_after_utc - now == timedelta(days=30)
    assert certificate.not_valid_before_utc < now
    assert certificate.public_key() == key.public_key()


def rotate(authority):
    authority.announce()
    return authority.switch()


def test_the_bundle_keeps_the_newest_two_newest_first(authority, tmp_path):
    first = certificates(authority)[0]
    assert rotate(authority).epoch == 2
    second = certificates(authority)[0]
    assert certificates(authority) == [second, first]
    assert rotate(authority).epoch == 3
    assert certificates(authority)[1:] == [second]
    assert LinkAuthority(tmp_path / "ca", clock).record == authority.record


def test_an_announced_ca_is_trusted_and_signs_nothing(authority, tmp_path):
    (old,) = certificates(authority)
    announced = authority.announce()
    assert (announced.epoch, authority.pending) == (1, 2)
    assert certificates(authority)[0] == old
    assert len(certificates(authority)) == 2
    issued(authority).verify_directly_issued_by(old)
    assert authority.announce() == announced
    again = LinkAuthority(tmp_path / "ca", clock)
    assert (again.record, again.pending) == (announced, 2)
    assert again.switch().epoch == 2


def test_while_the_third_is_announced_the_first_two_are_trusted(authority):
    rotate(authority)
    second, first = certificates(authority)
    authority.announce()
    assert certificates(authority)[0] == second
    assert certificates(authority)[2:] == [first]


def test_without_an_announcement_there_is_no_switch(authority):
    before = authority.record
    assert authority.switch() == before


def test_after_a_rotation_the_new_ca_signs(authority):
    rotate(authority)
    new, old = certificates(authority)
    certificate = issued(authority)
    certificate.verify_directly_issued_by(new)
    with pytest.raises(ValueError):
        certificate.verify_directly_issued_by(old)


def tampered():
    """Give a request whose signature is another's."""
    der = bytearray(
        x509.load_pem_x509_csr(signing_request()).public_bytes(
            serialization.Encoding.DER
        )
    )
    place = der.find(b"evil.example")
    der[place : place + 4] = b"good"
    return x509.load_der_x509_csr(bytes(der)).public_bytes(serialization.Encoding.PEM)


@pytest.mark.parametrize(
    ("request_pem", "says"),
    [
        (b"", "in PEM"),
        (b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n", "in PEM"),
        (tampered(), "not signed by the key"),
        (signing_request(key=ec.generate_private_key(ec.SECP384R1())), "P-256"),
        (signing_request(key=rsa.generate_private_key(65537, 2048)), "P-256"),
    ],
)
def test_a_bad_request_is_refused(authority, request_pem, says):
    with pytest.raises(BadSigningRequest, match=says):
        authority.issue("amber", request_pem)


@pytest.mark.usefixtures("authority")
def test_a_damaged_file_is_named(tmp_path):
    file = tmp_path / "ca" / "link-1.pem"
    file.write_text("gone")
    with pytest.raises(BadAuthorityFolder, match=r"link-1\.pem"):
        LinkAuthority(tmp_path / "ca", clock)


def test_a_key_of_another_certificate_is_refused(authority, tmp_path):
    other = LinkAuthority(tmp_path / "other", clock)
    file = tmp_path / "ca" / "link-1.pem"
    mine, its = authority.record.bundle[0], other.record.bundle[0]
    file.write_text(file.read_text().replace(mine, its))
    with pytest.raises(BadAuthorityFolder, match="not the certificate's"):
        LinkAuthority(tmp_path / "ca", clock)
