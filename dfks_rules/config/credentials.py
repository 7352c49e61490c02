"""The names and passwords of this server, for phones and proxies that challenge its NOTIFYs."""

import contextlib
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dfks_rules.config.files import is_blank, read_text
from dfks_rules.errors import ConfigError, Finding
from dfks_rules.policy.words.wording import did_you_mean, quoted
from dfks_rules.sip.digest import Algorithm, ha1_of
from dfks_rules.sip.digest_client import Secret
from dfks_rules.yaml.tree import read_tree

KEYS = ("realm", "user", "ha1_md5", "ha1_sha256", "password")
"""What an entry may have; `realm`, `user` and one of the others it must."""

# They stand in quoted strings, where neither is escaped.
_PLAIN = re.compile(r"[^\"\\\x00-\x1f\x7f]{1,512}")
_HA1 = {
    Algorithm.MD5: ("ha1_md5", re.compile(r"[0-9a-f]{32}")),
    Algorithm.SHA_256: ("ha1_sha256", re.compile(r"[0-9a-f]{64}")),
}


class Credentials(NamedTuple):
    """What one file says."""

    secrets: dict[bytes, Secret]
    """By realm."""
    warnings: list[Finding]
    """What is wrong with a file that can be used."""


class _Wrong(Exception):  # noqa: N818 - it carries a message and never leaves this module
    """An entry cannot be used."""


def read_credentials(path: Path) -> Credentials:
    """The credentials in a YAML file.

    Raises:
        ConfigError: it cannot be used; all findings at once.
    """
    file = str(path)
    secrets: dict[bytes, Secret] = {}
    findings: list[Finding] = []
    for place, entry in _entries(file, read_text(path, "credentials")):
        try:
            realm, secret = _secret(entry)
            if realm in secrets:
                raise _Wrong(f"realm {quoted(realm.decode())} appears twice")
        except _Wrong as wrong:
            findings.append(Finding(file, *place, "config_bad_value", str(wrong)))
            continue
        secrets[realm] = secret
    if findings:
        raise ConfigError(findings)
    warnings = []
    # It may have been removed meanwhile; what was read holds.
    with contextlib.suppress(OSError):
        if path.stat().st_mode & stat.S_IROTH:
            message = "every local account can read the file; `chmod o= FILE`"
            warnings.append(Finding(file, 0, 0, "config_credentials", message, "warning"))
    if not secrets:
        message = "has no credentials, so that no challenge can be answered"
        warnings.append(Finding(file, 0, 0, "config_credentials", message, "warning"))
    return Credentials(secrets, warnings)


def _entries(file: str, text: str) -> list[tuple[tuple[int, int], Mapping[str, Any]]]:
    """Every entry, with line and column.

    Raises:
        ConfigError: the file has another form.
    """
    if is_blank(text):
        return []
    tree, findings = read_tree(file, text, "config")
    if tree is None:
        raise ConfigError(findings)
    top = tree.value
    listed = top["credentials"] if isinstance(top, dict) and list(top) == ["credentials"] else None
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        message = "must be `credentials:` and a list of `{realm: …, user: …, password: …}`"
        raise ConfigError([Finding(file, 1, 1, "config_bad_value", message)])
    return [(tree.places[("credentials", number)], entry) for number, entry in enumerate(listed)]


def _secret(entry: Mapping[str, Any]) -> tuple[bytes, Secret]:
    """The realm and the secret of one entry.

    Raises:
        _Wrong: it cannot be used.
    """
    for name in entry:
        if name not in KEYS:
            raise _Wrong(f"unknown key {quoted(str(name))}{did_you_mean(name, KEYS)}")
    realm, user = _plain(entry, "realm"), _plain(entry, "user")
    password = _text(entry, "password")
    ha1s: dict[Algorithm, bytes] = {}
    for algorithm, (name, form) in _HA1.items():
        ha1 = _text(entry, name).lower()
        if ha1 and not form.fullmatch(ha1):
            # What is wrong is not shown: it may be a password.
            raise _Wrong(f"`{name}` for realm {quoted(realm)} must be hexadecimal digits")
        if ha1:
            ha1s[algorithm] = ha1.encode()
        elif password:
            ha1s[algorithm] = ha1_of(algorithm, user, realm, password)
    if not ha1s:
        raise _Wrong(f"realm {quoted(realm)} has none of `ha1_md5`, `ha1_sha256` and `password`")
    return realm.encode(), Secret(user.encode(), ha1s)


def _plain(entry: Mapping[str, Any], name: str) -> str:
    text = _text(entry, name)
    if not _PLAIN.fullmatch(text):
        raise _Wrong(
            f"`{name}` must be 1 to 512 characters without quotes and backslashes"
            if name in entry
            else f"an entry needs `{name}`"
        )
    return text


def _text(entry: Mapping[str, Any], name: str) -> str:
    """A value; digits without quotes are a number in YAML, and meant as text."""
    value = entry.get(name, "")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _Wrong(f"`{name}` must be text; put it in quotes")
    return str(value)
