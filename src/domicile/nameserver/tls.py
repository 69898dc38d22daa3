"""DNS over TLS (RFC 7858): the certificate that is shown, and one connection's octets.

The context is made before the workers are forked and kept for good, so a ticket that
one of them gave is good for all; a certificate that is renewed is put into it.
"""

import ssl
from contextlib import suppress
from pathlib import Path

from domicile.config import BadConfiguration

# RFC 7858 3.2; what transfers over TLS ask for too (RFC 9103 7.1).
_PROTOCOL = "dot"

_Seen = tuple[tuple[int, ...], ...]


class Certificate:
    """The certificate, its key, and the context that shows it."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Read both files; raises BadConfiguration."""
        self._files = certificate, key
        self._seen = self._taken = self._look()
        self.context = _new_context(*self._files)

    def renew(self) -> bool:
        """Take the files if they are others now; raises BadConfiguration, once for each.

        Those that have changed since the last look may not be written whole yet.
        """
        found = self._look()
        changing, self._seen = found != self._seen, found
        if changing or found == self._taken:
            return False
        self._taken = found
        # First elsewhere: a context that refuses a key has lost the old one.
        _new_context(*self._files)
        _load(self.context, *self._files)
        return True

    def _look(self) -> _Seen:
        return tuple(_identify(each) for each in self._files)


class Session:
    """One connection: its octets go in and out here, encrypted and plain."""

    __slots__ = ("_in", "_out", "_tls", "ended", "established")

    def __init__(self, context: ssl.SSLContext) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)
        self.established = False
        self.ended = False

    def receive(self, octets: bytes) -> bytes:
        """Take what arrived, give what it says; raises ssl.SSLError.

        Afterwards, however it went, there may be something to `take`.
        """
        self._in.write(octets)
        said = bytearray()
        try:
            if not self.established:
                self._tls.do_handshake()
                self.established = True
            while chunk := self._tls.read(65536):
                said += chunk
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        return bytes(said)

    def send(self, octets: bytes) -> bytes:
        """Encrypt, and give what is to be sent."""
        if octets:
            self._tls.write(octets)
        return self.take()

    def take(self) -> bytes:
        return self._out.read()

    def end(self) -> bytes:
        """Give what says that nothing follows."""
        # The other side has not said so, perhaps, and need not.
        with suppress(ssl.SSLError):
            self._tls.unwrap()
        return self.take()


def _new_context(certificate: Path, key: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    context.set_alpn_protocols([_PROTOCOL])
    _load(context, certificate, key)
    return context


def _load(context: ssl.SSLContext, certificate: Path, key: Path) -> None:
    for name, file, held in (
        (
            "certificate_file",
            certificate,
            "a certificate, and those that lead to its CA",
        ),
        ("key_file", key, "the key of the certificate"),
    ):
        try:
            with file.open("rb"):
                pass
        except OSError as error:
            raise BadConfiguration(
                f"{name} {file} is to hold {held}, as PEM: {error.strerror}"
            ) from error
    try:
        # A key that wants a password is refused; OpenSSL would ask the terminal.
        context.load_cert_chain(certificate, key, password=str)
    except (OSError, ssl.SSLError) as error:
        raise BadConfiguration(
            f"certificate_file {certificate} and key_file {key} are no certificate and"
            f" its key, as PEM and without a password: {error}"
        ) from error


def _identify(file: Path) -> tuple[int, ...]:
    try:
        found = file.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns
