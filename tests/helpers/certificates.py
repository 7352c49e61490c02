"""Certificates of a test's own authority, as files."""

import functools
import ssl
from datetime import datetime
from pathlib import Path

import trustme

from dfks_rules.transport.certificates import CertificateFiles


class Authority:
    """Signs certificates, and knows who trusts it."""

    def __init__(self) -> None:
        self._ca = trustme.CA()

    def files(
        self, folder: Path, *names: str, stem: str = "server", expires: datetime | None = None
    ) -> tuple[Path, Path]:
        """Write a certificate for these names; its file and that of its key."""
        issued = self._ca.issue_cert(*names, not_after=expires)
        certificate, key = folder / f"{stem}.pem", folder / f"{stem}.key"
        issued.private_key_pem.write_to_path(key)
        certificate.write_bytes(b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        return certificate, key

    def ca_file(self, folder: Path, stem: str = "ca") -> Path:
        """Write its own certificate."""
        path = folder / f"{stem}.pem"
        self._ca.cert_pem.write_to_path(path)
        return path

    def trusting(self) -> ssl.SSLContext:
        """A peer that trusts it."""
        context = ssl.create_default_context()
        self._ca.configure_trust(context)
        return context

    def holder(self, *names: str) -> ssl.SSLContext:
        """The same, with a certificate of its own."""
        context = self.trusting()
        self._ca.issue_cert(*names).configure_cert(context)
        return context

    def served(self, folder: Path, *, client_ca: bool = False) -> CertificateFiles:
        """What a server at `localhost` shows."""
        chain = self.files(folder, "localhost", "127.0.0.1")
        return CertificateFiles((chain,), self.ca_file(folder) if client_ca else None)


@functools.cache
def authority() -> Authority:
    """One for all tests: keys take time to make."""
    return Authority()


def untrusting() -> ssl.SSLContext:
    """A peer that takes any certificate, as most phones do."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
