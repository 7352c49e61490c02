"""The names and passwords of this server, for phones and proxies that challenge its NOTIFYs."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dfks_rules.config.files import is_blank, read_text
from dfks_rules.config.ha1 import WrongEntryError, exposure_of, ha1s_in, text_in
from dfks_rules.errors import ConfigError, Finding
from dfks_rules.policy.words.wording import did_you_mean, quoted
from dfks_rules.sip.digest_client import Secret
from dfks_rules.yaml.tree import read_tree, veiled

KEYS = ("realm", "user", "ha1_md5", "ha1_sha256", "password")
"""What an entry may have; `realm`, `user` and one of the others it must."""

# They stand in quoted strings, where neither is escaped.
_PLAIN = re.compile(r"[^\"\\\x00-\x1f\x7f]{1,512}")


class ReadCredentials(NamedTuple):
    """What one file says."""

    secrets: dict[bytes, Secret]
    """By realm."""
    warnings: list[Finding]
    """Mistakes in a file that can be used all the same."""


def read_credentials(path: Path) -> ReadCredentials:
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
                raise WrongEntryError(f"realm {quoted(realm.decode())} appears twice")
        except WrongEntryError as wrong:
            findings.append(Finding(file, *place, "config_bad_value", str(wrong)))
            continue
        secrets[realm] = secret
    if findings:
        raise ConfigError(findings)
    warnings = []
    if exposure := exposure_of(path):
        warnings.append(exposure)
    if not secrets:
        warnings.append("has no credentials, so that no challenge can be answered")
    return ReadCredentials(
        secrets, [Finding(file, 0, 0, "config_credentials", one, "warning") for one in warnings]
    )


def _entries(file: str, text: str) -> list[tuple[tuple[int, int], Mapping[str, Any]]]:
    """Every entry, with line and column.

    Raises:
        ConfigError: the file has another form.
    """
    if is_blank(text):
        return []
    tree, findings = read_tree(file, text, "config")
    if tree is None:
        raise ConfigError(veiled(findings, ("credentials", *KEYS)))
    top = tree.value
    listed = top["credentials"] if isinstance(top, dict) and list(top) == ["credentials"] else None
    if not isinstance(listed, list) or not all(isinstance(entry, dict) for entry in listed):
        message = "must be `credentials:` and a list of `{realm: …, user: …, password: …}`"
        raise ConfigError([Finding(file, 1, 1, "config_bad_value", message)])
    return [(tree.places[("credentials", number)], entry) for number, entry in enumerate(listed)]


def _secret(entry: Mapping[str, Any]) -> tuple[bytes, Secret]:
    """The realm and the secret of one entry.

    Raises:
        WrongEntryError: it cannot be used.
    """
    for name in entry:
        if name not in KEYS:
            raise WrongEntryError(f"unknown key {quoted(str(name))}{did_you_mean(name, KEYS)}")
    realm, user = _plain(entry, "realm"), _plain(entry, "user")
    ha1s = ha1s_in(entry, user, realm, f"realm {quoted(realm)}")
    return realm.encode(), Secret(user.encode(), ha1s)


def _plain(entry: Mapping[str, Any], name: str) -> str:
    text = text_in(entry, name)
    if not _PLAIN.fullmatch(text):
        raise WrongEntryError(
            f"`{name}` must be 1 to 512 characters without quotes and backslashes"
            if name in entry
            else f"an entry needs `{name}`"
        )
    return text
