"""The certificate of the HTTP API, which is read again when its files change."""

import ssl
from pathlib import Path

from dfks_rules.errors import ConfigError, Finding

HANDSHAKE_WITHIN = 10.0
"""Seconds that a client has to agree on keys."""


class TlsFiles:
    """A certificate and its key."""

    def __init__(self, certificate: Path, key: Path) -> None:
        """Read them.

        Args:
            certificate: the certificate, followed by the chain to its root, PEM.
            key: its key, without a passphrase, PEM.

        Raises:
            ConfigError: they cannot be used.
        """
        self._files = certificate, key
        self._stamp = self._now()
        self.context = self._context()
        """What connections are made with; it stays the same object."""

    def look_again(self) -> None:
        """Read the files if they have changed; connections that there are go on as they are.

        Raises:
            ConfigError: they cannot be used; those read before are served.
        """
        stamp = self._now()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        # Aside first: one that does not go with its key would be half taken.
        self._context()
        self.context.load_cert_chain(*self._files)

    def _context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(*self._files, password=_no_passphrase)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            message = f"does not go with `{self._files[1]}`, or cannot be read: {reason}"
            finding = Finding(str(self._files[0]), 0, 0, "config_unusable", message)
            raise ConfigError([finding]) from error
        return context

    def _now(self) -> list[tuple[int, int] | None]:
        return [_stamp(path) for path in self._files]


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino


def _no_passphrase() -> str:
    """Nobody could type it; without this, OpenSSL asks at the terminal."""
    raise ValueError("the key has a passphrase")
