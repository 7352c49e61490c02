"""Certificates: which one a peer is shown, and what is asked of peers.

A certificate is chosen by the name that the peer asks for (SNI), or else by the address that it
asked; where none has that name, the first is shown.
"""

import ipaddress
import ssl
import stat
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from dfks_rules.errors import ConfigError, Finding

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL; Python does not name it."""
_CODE = "config_bad_certificate"
WARN_BEFORE = 14 * 86_400.0
"""Seconds before a certificate expires from which the operator is warned."""


@dataclass(frozen=True, slots=True)
class CertificateFiles:
    """The files that TLS needs, all PEM."""

    chains: tuple[tuple[Path, Path], ...]
    """Each certificate, followed in its file by the chain to its root, and its key; not empty."""
    client_ca: Path | None
    """Who may have signed the certificates of peers; None asks for none."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """All of them."""
        more = () if self.client_ca is None else (self.client_ca,)
        return (*(path for chain in self.chains for path in chain), *more)


class Certificate(NamedTuple):
    """One certificate, ready to be shown."""

    path: Path
    names: frozenset[str]
    """Host names, in lower case, perhaps with a `*`, and addresses."""
    begins: float
    """When it becomes valid, s since the epoch."""
    ends: float
    """When it expires, s since the epoch."""
    context: ssl.SSLContext


class Certificates:
    """The certificates of a server; they can be read again."""

    def __init__(self, files: CertificateFiles) -> None:
        """Read the files.

        Raises:
            ConfigError: `config_bad_certificate`, all findings at once.
        """
        self.files = files
        self.read()

    def read(self) -> None:
        """Read the files again; new connections get what is in them.

        Raises:
            ConfigError: `config_bad_certificate`; everything stays as it was.
        """
        _check_readable(self.files.paths)
        try:
            shown, client = self._contexts()
        except OSError as error:  # The files have changed since they were looked at.
            first, _ = self.files.chains[0]
            raise ConfigError([_finding(first, f"changed while it was read: {error}")]) from error
        self.shown = shown
        """In the order of the settings."""
        self.client = client
        """For connections that we open."""

    def _contexts(self) -> tuple[tuple[Certificate, ...], ssl.SSLContext]:
        shown = tuple(_read(*chain, self.files.client_ca) for chain in self.files.chains)
        for one in shown:
            one.context.sni_callback = _Chooser(shown)
        client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        # A phone has no certificate for the address in its Contact, and no name to check it by.
        client.check_hostname = False
        client.verify_mode = ssl.CERT_NONE
        client.minimum_version = ssl.TLSVersion.TLSv1_2
        _load_chain(client, *self.files.chains[0])
        return shown, client

    def at(self, address: str) -> ssl.SSLContext:
        """For a connection that came to a local address."""
        return (_named(self.shown, address) or self.shown[0]).context


class _Chooser:
    """Has OpenSSL show the certificate of the name that a peer asks for."""

    def __init__(self, shown: tuple[Certificate, ...]) -> None:
        self._shown = shown

    def __call__(
        self, connection: ssl.SSLSocket | ssl.SSLObject, name: str | None, _: ssl.SSLContext
    ) -> None:
        wanted = None if name is None else _named(self._shown, name.lower())
        if wanted is not None:
            connection.context = wanted.context


def _named(shown: tuple[Certificate, ...], name: str) -> Certificate | None:
    """The first that has a name; a `*` stands for its first label (RFC 6125 §6.4.3)."""
    wild = "*." + name.partition(".")[2]
    return next((one for one in shown if name in one.names or wild in one.names), None)


def find_invalid(certificates: Certificates, now: float) -> list[Finding]:
    """The certificates that peers refuse, or soon will (warnings); `now` in s since the epoch."""
    found = []
    for one in certificates.shown:
        if one.ends <= now:
            found.append(_finding(one.path, f"expired on {_date(one.ends)}"))
        elif one.ends <= now + WARN_BEFORE:
            soon = _finding(one.path, f"expires on {_date(one.ends)}")
            found.append(soon._replace(severity="warning"))
        elif one.begins > now:
            found.append(_finding(one.path, f"is not valid before {_date(one.begins)}"))
    return found


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _finding(path: Path, message: str) -> Finding:
    return Finding(str(path), 0, 0, _CODE, message)


def _check_readable(paths: tuple[Path, ...]) -> None:
    """OpenSSL's own errors do not name the file, and it would wait for who writes into a pipe."""
    findings = []
    for path in paths:
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                findings.append(_finding(path, "is not a regular file"))
            else:
                path.open("rb").close()
        except OSError as error:
            findings.append(_finding(path, f"cannot be read: {error.strerror}"))
        except ValueError as error:  # A NUL in its name.
            findings.append(_finding(path, f"cannot be read: {error}"))
    if findings:
        raise ConfigError(findings)


def _read(path: Path, key: Path, client_ca: Path | None) -> Certificate:
    peer = _believing(path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    _load_chain(context, path, key)
    shown = _shown_to(peer, context, path)
    if client_ca is not None:
        _trust(context, client_ca)
        context.verify_mode = ssl.CERT_OPTIONAL
    return Certificate(
        path,
        frozenset(_name(kind, value) for kind, value in shown.get("subjectAltName", ())),
        ssl.cert_time_to_seconds(shown["notBefore"]),
        ssl.cert_time_to_seconds(shown["notAfter"]),
        context,
    )


def _believing(path: Path) -> ssl.SSLContext:
    """A peer that believes this very certificate, at any time."""
    peer = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    peer.check_hostname = False
    peer.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME
    _trust(peer, path)
    return peer


def _trust(context: ssl.SSLContext, path: Path) -> None:
    try:
        context.load_verify_locations(path)
    except ssl.SSLError:
        raise ConfigError([_finding(path, "contains no PEM certificate")]) from None


def _load_chain(context: ssl.SSLContext, path: Path, key: Path) -> None:
    try:
        context.load_cert_chain(path, key, password=_refuse)
    except _EncryptedError:
        message = "is encrypted; store the key without a passphrase"
        raise ConfigError([_finding(key, message)]) from None
    except ssl.SSLError as error:
        if error.reason in _MISMATCH:
            finding = _finding(key, f"does not belong to the certificate `{path}`")
        elif error.reason:
            finding = _finding(path, f"is refused by OpenSSL: {_words(error)}")
        else:
            finding = _finding(key, "contains no PEM private key")
        raise ConfigError([finding]) from error


_MISMATCH = ("KEY_VALUES_MISMATCH", "NO_CERTIFICATE_ASSIGNED")
"""The key is another one; it is even of another kind."""


class _EncryptedError(Exception):
    """OpenSSL wants a passphrase."""


def _refuse() -> str:
    """Without this OpenSSL would ask on the terminal, and wait."""
    raise _EncryptedError


def _shown_to(peer: ssl.SSLContext, server: ssl.SSLContext, path: Path) -> dict[str, Any]:
    """What a peer reads in a certificate.

    The standard library decodes only certificates that were shown in a handshake: this one stays in
    memory.
    """
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    asking = peer.wrap_bio(back, there)
    answering = server.wrap_bio(there, back, server_side=True)
    for side in (asking, answering, asking, answering, asking):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLError as error:
            message = f"cannot be used by a server: {_words(error)}"
            raise ConfigError([_finding(path, message)]) from error
    return asking.getpeercert() or {}


def _words(error: ssl.SSLError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return (error.reason or str(error)).lower().replace("_", " ")


def _name(kind: str, value: str) -> str:
    if kind == "IP Address":
        try:
            return str(ipaddress.ip_address(value))
        except ValueError:
            return value
    return value.lower()
