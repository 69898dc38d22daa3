"""The proxy's link certificate: asked of the manager, kept on disk, asked anew in time.

Key and certificate are one file, so that no crash can part them; the key is made
here and never leaves. With both files present nobody is asked to serve.
"""

import os
from datetime import datetime
from pathlib import Path
from typing import Final

import httpx
import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from domicile.errors import DomicileError
from domicile.service.tls import CertificateFiles

_PATH: Final = "/v1/link-certificate"


class NotEnrolled(DomicileError):
    """There is no new link certificate; the old one, if any, is untouched."""


class _Issued(msgspec.Struct, frozen=True):
    certificate: str
    authority: tuple[str, ...]


def link_files(folder: Path) -> CertificateFiles:
    """Name the files of the link in a proxy's data folder."""
    own = folder / "link.pem"
    return CertificateFiles(certificate=own, key=own, authority=folder / "trust.pem")


def is_due(
    files: CertificateFiles, now: datetime, bundle: tuple[str, ...] = ()
) -> bool:
    """Tell whether to ask for a certificate; `bundle` has the newest CA first."""
    try:
        certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    except (OSError, ValueError):
        return True
    if not files.authority.is_file():
        return True
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    # Before it begins, too: whoever made it had a clock that was set back since.
    if not begins <= now < begins + (ends - begins) * 2 / 3:
        return True
    return bool(bundle) and not _issued_by(certificate, bundle[0])


def out_of_date(files: CertificateFiles, now: datetime) -> str:
    """Say that no peer takes the certificate, by our clock; nothing where it is good."""
    certificate = x509.load_pem_x509_certificate(files.certificate.read_bytes())
    begins, ends = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if begins <= now <= ends:
        return ""
    return (
        f"the link certificate is valid from {begins:%F} to {ends:%F}, and this machine's"
        f" clock says {now:%F}"
    )


async def enrol(manager: httpx.AsyncClient, files: CertificateFiles) -> None:
    """Have a new key certified by the manager; raises NotEnrolled.

    The client knows the manager's base URL and our token.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    issued = await _ask(manager, _signing_request(key))
    _check_ours(issued, key)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    # Trust first: a certificate of a new CA is no use to who does not know it.
    write_trust(files, issued.authority)
    _write_whole(files.certificate, secret + issued.certificate.encode("ascii"))


def write_trust(files: CertificateFiles, bundle: tuple[str, ...]) -> bool:
    """Keep whom the links trust; tells whether that is new."""
    content = "".join(pem.strip() + "\n" for pem in bundle).encode("ascii")
    if files.authority.is_file() and files.authority.read_bytes() == content:
        return False
    _write_whole(files.authority, content)
    return True


async def _ask(manager: httpx.AsyncClient, request: str) -> _Issued:
    try:
        answer = await manager.post(_PATH, json={"csr": request})
        answer.raise_for_status()
        return msgspec.json.decode(answer.content, type=_Issued)
    except (httpx.HTTPError, msgspec.MsgspecError) as error:
        raise NotEnrolled(
            f"the manager gave no link certificate at {_PATH}: {error}"
        ) from error


def _signing_request(key: ec.EllipticCurvePrivateKey) -> str:
    # The CA names the cluster by the token, whatever is asked here.
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    signed = request.sign(key, hashes.SHA256())
    return signed.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _check_ours(issued: _Issued, key: ec.EllipticCurvePrivateKey) -> None:
    try:
        certificate = x509.load_pem_x509_certificate(issued.certificate.encode())
        trusted = [x509.load_pem_x509_certificate(p.encode()) for p in issued.authority]
    except ValueError as error:
        raise NotEnrolled(
            f"the manager's link certificate is not PEM: {error}"
        ) from error
    if certificate.public_key() != key.public_key():
        raise NotEnrolled("the manager's link certificate is for another key than ours")
    if not any(_signed(certificate, authority) for authority in trusted):
        raise NotEnrolled("the manager's link certificate is not of the CA beside it")


def _issued_by(certificate: x509.Certificate, authority: str) -> bool:
    return _signed(certificate, x509.load_pem_x509_certificate(authority.encode()))


def _signed(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, TypeError, ValueError):
        return False
    return True


def _write_whole(path: Path, content: bytes) -> None:
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    # Created private: the key is never readable by others, not for a moment.
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
