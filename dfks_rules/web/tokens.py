"""Tokens: who may call, by a secret of which the file holds only a hash.

A token is `dfks_`, 43 characters of 256 random bits, and 6 of a checksum, by which scanners for
leaked secrets know it.
"""

import hashlib
import os
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from dfks_rules.errors import ConfigError, Finding
from dfks_rules.web.caller import Caller, Scope

PREFIX = "dfks_"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_LENGTH = 43
_CHECK = 6


class Entry(NamedTuple):
    """One token in the file."""

    name: str
    sha256: str
    """Of the whole token, hexadecimal."""
    scopes: tuple[str, ...]
    domains: tuple[str, ...] = ()
    """Empty: all."""
    created: str = ""
    """ISO 8601."""
    expires: str = ""
    """ISO 8601; empty: never."""

    def is_valid(self, at: datetime) -> bool:
        """Whether it has not expired."""
        return not self.expires or at < datetime.fromisoformat(self.expires)

    @property
    def caller(self) -> Caller:
        """Who uses it."""
        domains = frozenset(self.domains) if self.domains else None
        return Caller(self.name, frozenset(Scope(scope) for scope in self.scopes), domains)


class Use(NamedTuple):
    """When a token was used for the last time, and from where."""

    at: datetime
    address: str


class Known(NamedTuple):
    """A token, and its use."""

    entry: Entry
    last: Use | None
    """None: nobody has used it since the server started."""


def new_token(random: bytes) -> str:
    """A token of 32 random bytes."""
    text = _base62(int.from_bytes(random, "big"), _LENGTH)
    return f"{PREFIX}{text}{_check(text)}"


def is_token(text: str) -> bool:
    """Whether this is a token that was not mistyped."""
    body = text.removeprefix(PREFIX)
    is_long = len(body) == _LENGTH + _CHECK and body != text
    return is_long and body[_LENGTH:] == _check(body[:_LENGTH])


def hash_of(token: str) -> str:
    """What the file holds of a token."""
    return hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()


def read_tokens(path: Path) -> list[Entry]:
    """The tokens in a file.

    Raises:
        ConfigError: the file cannot be used.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        is_missing = isinstance(error, FileNotFoundError)
        hint = "; `dfks token create` makes the file" if is_missing else ""
        raise _unusable(path, f"cannot be read: {error.strerror}{hint}") from error
    try:
        return [_entry(one) for one in orjson.loads(text)["tokens"]]
    except (ValueError, TypeError, KeyError) as error:
        raise _unusable(path, f"is not a file of tokens: {error}") from error


def write_tokens(path: Path, entries: list[Entry]) -> None:
    """Write a file of tokens, mode 0600, in one step.

    Raises:
        ConfigError: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    told = {"tokens": [_told(entry) for entry in entries]}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError as error:
        raise _unusable(path, f"cannot be written: {error.strerror}") from error


class TokenFile:
    """The tokens of a file, which is read again when it has changed."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            ConfigError: it cannot be used.
        """
        self._path = path
        self._stamp = self._now()
        self._entries = {entry.sha256: entry for entry in read_tokens(path)}
        self._used: dict[str, Use] = {}
        """Hash → use; only of tokens that there are."""

    def caller(self, token: str, address: str | None = None) -> Caller | None:
        """Who uses a token; None when nobody may.

        Args:
            token: what he has shown.
            address: where he uses it from; None: he does not use it now.
        """
        if not is_token(token):
            return None
        hashed, now = hash_of(token), datetime.now(UTC)  # noqa: TID251
        entry = self._entries.get(hashed)
        if entry is None or not entry.is_valid(now):
            return None
        if address is not None:
            self._used[hashed] = Use(now, address)
        return entry.caller

    def known(self) -> list[Known]:
        """All tokens of the file, also expired ones."""
        return [Known(entry, self._used.get(key)) for key, entry in self._entries.items()]

    def look_again(self) -> None:
        """Read the file if it has changed.

        Raises:
            ConfigError: it cannot be used; the tokens read before hold.
        """
        stamp = self._now()
        if stamp != self._stamp:
            self._stamp = stamp
            self._entries = {entry.sha256: entry for entry in read_tokens(self._path)}
            self._used = {key: use for key, use in self._used.items() if key in self._entries}

    def _now(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def _entry(said: Mapping[str, Any]) -> Entry:
    entry = Entry(
        str(said["name"]),
        str(said["sha256"]),
        tuple(Scope(scope).value for scope in said["scopes"]),
        tuple(str(domain) for domain in said.get("domains", ())),
        str(said.get("created", "")),
        str(said.get("expires", "")),
    )
    if not all(map(str.isprintable, (entry.name, *entry.domains))):
        # The journal has the name, and a database takes no NUL.
        raise ValueError("a name or a domain contains an unprintable character")
    entry.is_valid(datetime.now(UTC))  # noqa: TID251 - to see that the date can be read
    return entry


def _told(entry: Entry) -> dict[str, Any]:
    return {name: value for name, value in entry._asdict().items() if value}


def _unusable(path: Path, message: str) -> ConfigError:
    return ConfigError([Finding(str(path), 0, 0, "config_unusable", message)])


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def _check(text: str) -> str:
    return _base62(zlib.crc32(text.encode()), _CHECK)
