"""The private certificate authority of the links between clusters.

It is made at the directory's first start, into a folder of one file per epoch: key and
certificate together, so that no crash can part them. Only the key of the newest epoch
signs. A new epoch comes in two steps: `announce` makes its CA, which is trusted and
signs nothing yet (`next-2.pem`), and `switch`, once every cluster trusts it, lets it
sign (`link-2.pem`). So no cluster is ever shown a certificate that it does not trust.
The epoch before stays trusted while every cluster has its certificate issued anew.
"""

import os
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from domicile.clock import Clock
from domicile.errors import DomicileError
from domicile.model.records import LINK_AUTHORITY, Authority

LIFETIME = timedelta(days=3650)
LINK_LIFETIME = timedelta(days=30)
BACKDATED = timedelta(days=1)  # a cluster's clock may be behind, by a time zone
TRUSTED_EPOCHS = 2

_SIGNS = "link"
_NEXT = "next"
_FILE = re.compile(r"(link|next)-(\d+)\.pem")


class BadSigningRequest(DomicileError):
    """What a cluster sent is no certificate signing request that we can sign."""


class BadAuthorityFolder(DomicileError):
    """The folder of the private CA cannot be used."""


class Trusted(msgspec.Struct, frozen=True):
    """A certificate of the CA, for people."""

    subject: str
    sha256: str
    until: str


class _Signer(NamedTuple):
    """The CA of one epoch."""

    epoch: int
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate


class LinkAuthority:
    """Signs link certificates with the key of the newest epoch."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._signers: list[_Signer] = []
        self._next: _Signer | None = None
        self._seen: frozenset[tuple[str, int]] = frozenset()
        self.read_again()
        if not self._signers:
            self._signers = [self._make(_SIGNS, 1)]

    def read_again(self) -> None:
        """Read the folder, where another process has changed it."""
        files = self._folder.glob("*.pem")
        seen = frozenset((each.name, each.stat().st_ino) for each in files)
        if seen != self._seen:
            self._signers = self._read_all(_SIGNS) or self._signers
            self._next = next(iter(self._read_all(_NEXT)), None)
            self._seen = seen

    @property
    def pending(self) -> int:
        """Give the epoch that is announced and does not sign yet, or 0."""
        return self._next.epoch if self._next else 0

    @property
    def record(self) -> Authority:
        """What the links trust, for the directory's store; who signs comes first."""
        return Authority(
            name=LINK_AUTHORITY,
            epoch=self._signers[0].epoch,
            bundle=tuple(_pem(each) for each in self._certificates()),
        )

    @property
    def trusted(self) -> tuple[Trusted, ...]:
        """Describe the certificates of the record, in its order."""
        return tuple(_described(each) for each in self._certificates())

    def announce(self) -> Authority:
        """Make the CA of the next epoch, or leave the one that is announced.

        Only within a transaction of the store: so no two processes do it at once.
        """
        self.read_again()
        if self._next is None:
            self._next = self._make(_NEXT, self._signers[0].epoch + 1)
        return self.record

    def switch(self) -> Authority:
        """Let the CA that is announced sign from now on."""
        if self._next is not None:
            source = self._path(_NEXT, self._next.epoch)
            source.rename(self._path(_SIGNS, self._next.epoch))
            _sync_folder(self._folder)
            self._signers = [self._next, *self._signers][:TRUSTED_EPOCHS]
            self._next = None
        return self.record

    def issue(self, cluster: str, request_pem: bytes) -> str:
        """Sign a link certificate for the request's key; raises BadSigningRequest.

        Of the request only its key counts: the names are the cluster's, whatever it
        asks for.
        """
        key = _requested_key(request_pem)
        _, signing_key, issuer = self._signers[0]
        host = f"{cluster}.link"
        builder = (
            _builder(host, key, self._now(), LINK_LIFETIME)
            .issuer_name(issuer.subject)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
            .add_extension(_usage(digital_signature=True), True)
            .add_extension(
                x509.ExtendedKeyUsage(
                    [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
                ),
                False,
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(
                    signing_key.public_key()
                ),
                False,
            )
        )
        return _pem(builder.sign(signing_key, hashes.SHA256()))

    def _certificates(self) -> list[x509.Certificate]:
        current, *before = self._signers
        coming = [self._next] if self._next else []
        return [each.certificate for each in (current, *coming, *before)]

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def _make(self, what: str, epoch: int) -> _Signer:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = _self_signed(key, epoch, self._now())
        content = _pem(certificate).encode() + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        _write_whole(self._path(what, epoch), content)
        return _Signer(epoch, key, certificate)

    def _read_all(self, what: str) -> list[_Signer]:
        """Read the folder's CAs of a kind, newest first."""
        epochs = sorted(_epochs_in(self._folder, what), reverse=True)
        return [
            _Signer(epoch, *_read(self._path(what, epoch)))
            for epoch in epochs[:TRUSTED_EPOCHS]
        ]

    def _path(self, what: str, epoch: int) -> Path:
        return self._folder / f"{what}-{epoch}.pem"


def _described(certificate: x509.Certificate) -> Trusted:
    return Trusted(
        certificate.subject.rfc4514_string(),
        certificate.fingerprint(hashes.SHA256()).hex(),
        certificate.not_valid_after_utc.isoformat(),
    )


def _epochs_in(folder: Path, what: str) -> Iterable[int]:
    for entry in folder.iterdir():
        match = _FILE.fullmatch(entry.name)
        if match and match[1] == what:
            yield int(match[2])


def _read(path: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    try:
        content = path.read_bytes()
        key = serialization.load_pem_private_key(content, password=None)
        certificate = x509.load_pem_x509_certificate(content)
    except (OSError, ValueError, TypeError) as error:
        raise BadAuthorityFolder(
            f"{path} does not hold the private CA's certificate and key: {error}"
        ) from error
    if (
        not isinstance(key, ec.EllipticCurvePrivateKey)
        or certificate.public_key() != key.public_key()
    ):
        raise BadAuthorityFolder(
            f"{path}: the key is not the certificate's; restore the file as it was made"
        )
    return key, certificate


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file that is there whole or not at all, for its owner's eyes only."""
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)  # of a crash: its mode may be anything
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _requested_key(request_pem: bytes) -> ec.EllipticCurvePublicKey:
    try:
        request = x509.load_pem_x509_csr(request_pem)
        key = request.public_key()
        signed = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise BadSigningRequest(
            "the body is not a certificate signing request in PEM"
        ) from error
    if not signed:
        raise BadSigningRequest(
            "the signing request is not signed by the key that it is for"
        )
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(
        key.curve, ec.SECP256R1
    ):
        raise BadSigningRequest("the key of a link certificate must be a P-256 key")
    return key


def _self_signed(
    key: ec.EllipticCurvePrivateKey, epoch: int, now: datetime
) -> x509.Certificate:
    name = f"Domicile links {epoch}"
    public = key.public_key()
    return (
        _builder(name, public, now, LIFETIME)
        .issuer_name(_name(name))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .add_extension(_usage(key_cert_sign=True, crl_sign=True), True)
        .sign(key, hashes.SHA256())
    )


def _builder(
    name: str, key: ec.EllipticCurvePublicKey, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    """Begin a certificate: all but the issuer and what it may be used for."""
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), False)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(**allowed: bool) -> x509.KeyUsage:
    names = (
        "digital_signature", "content_commitment", "key_encipherment",
        "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign",
        "encipher_only", "decipher_only",
    )  # fmt: skip
    return x509.KeyUsage(**{name: allowed.get(name, False) for name in names})


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")
