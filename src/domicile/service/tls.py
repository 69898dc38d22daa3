"""TLS of the link between clusters, and of the feeds: both sides show a certificate.

All certificates come from the directory's private CA; a cluster's is for the name
`<cluster>.link`, which no public CA can issue.
"""

import ssl
from pathlib import Path
from typing import Any, NamedTuple

from domicile.errors import DomicileError

_SUFFIX = ".link"


class BadCertificates(DomicileError):
    """The files of a certificate cannot be used."""


class NotOfTheLink(DomicileError):
    """A peer's certificate names no cluster."""


class CertificateFiles(NamedTuple):
    """PEM files: a certificate with its key, and the CA that both sides trust."""

    certificate: Path
    key: Path
    authority: Path


def link_name(cluster: str) -> str:
    """Name what a client expects there: its `server_hostname`."""
    return cluster + _SUFFIX


def server_context(files: CertificateFiles) -> ssl.SSLContext:
    """Accept only who shows a certificate of our CA; raises BadCertificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    return _load(context, files)


def client_context(files: CertificateFiles) -> ssl.SSLContext:
    """Show our certificate, and check the server's and its name.

    Give `server_hostname=link_name(cluster)` with each connection.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return _load(context, files)


def peer_cluster(peer: ssl.SSLObject | ssl.SSLSocket) -> str:
    """Tell which cluster has shown its certificate; raises NotOfTheLink."""
    certificate: dict[str, Any] = peer.getpeercert() or {}
    names = certificate.get("subjectAltName", ())
    for kind, name in names:
        if kind == "DNS" and str(name).endswith(_SUFFIX):
            return str(name).removesuffix(_SUFFIX)
    raise NotOfTheLink(
        f"the peer's certificate is for {names}, where <cluster>{_SUFFIX} is expected"
    )


def _load(context: ssl.SSLContext, files: CertificateFiles) -> ssl.SSLContext:
    # Both sides are ours, so nothing older is needed.
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(files.certificate, files.key)
        context.load_verify_locations(files.authority)
    except (OSError, ssl.SSLError) as error:
        listed = ", ".join(map(str, files))
        raise BadCertificates(
            f"a certificate, its key and its CA are expected in {listed}: {error}"
        ) from error
    return context
