"""Users files: who may authenticate, in YAML or CSV → accounts; and one more user in them.

A file holds H(A1) of each user, which for its realm is as good as the password: nobody else may
read it.
"""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dfks_rules.config.auth import AuthSettings
from dfks_rules.config.files import check_size, is_blank, read_text
from dfks_rules.config.ha1 import KEYS, WrongEntryError, exposure_of, ha1s_in, text_in
from dfks_rules.errors import ConfigError, Finding
from dfks_rules.model.identity import Aor
from dfks_rules.policy.words.wording import did_you_mean, quoted
from dfks_rules.presence.account import Account
from dfks_rules.sip.digest import Algorithm
from dfks_rules.yaml.scalar import flow
from dfks_rules.yaml.tree import MAX_BYTES, Place, read_tree, veiled

MAX_CSV_BYTES = 64 * 1024 * 1024
"""Largest CSV file; 100,000 users take about 15 MB."""
MAX_FINDINGS = 100
"""Most findings in one file: a wrong column is wrong in every line."""
COLUMNS = ("user", "domain", "ha1_md5", "ha1_sha256", "password")
"""What a row may have; `user`, `domain` and one of the others it must."""

_USER = re.compile(r"[^@:;<>\"\\\s,]{1,512}")
_DOMAIN = re.compile(r"[^@/;<>\"\\\s,]{1,512}")


class Users(NamedTuple):
    """What one file says."""

    accounts: dict[Aor, Account]
    warnings: list[Finding]
    """Mistakes in a file that can be used all the same."""


class _Row(NamedTuple):
    """One user, as it was written."""

    values: Mapping[str, Any]
    place: Place


def read_users(path: Path, auth: AuthSettings) -> Users:
    """The accounts in a file; a name that ends in `.csv` makes it CSV.

    Args:
        path: the file.
        auth: its realm and algorithms.

    Raises:
        ConfigError: it cannot be used; all findings at once.
    """
    file = str(path)
    rows, findings = _rows(file, _read(path))
    accounts: dict[Aor, Account] = {}
    in_clear: list[Aor] = []
    for row in rows:
        try:
            account = _account(row.values, auth.realm or "")
            aor = account.identity.aor
            if aor in accounts:
                raise WrongEntryError(f"user `{aor.user}@{aor.domain}` appears twice")
        except WrongEntryError as wrong:
            findings.append(Finding(file, *row.place, "config_bad_value", str(wrong)))
            if len(findings) >= MAX_FINDINGS:
                break
            continue
        accounts[aor] = account
        if row.values.get("password"):
            in_clear.append(aor)
    if findings:
        raise ConfigError(findings)
    return Users(accounts, list(_warnings(path, auth, accounts, in_clear)))


def _read(path: Path) -> str:
    most, hint = _limit_of(str(path))
    if_missing = "; `dfks auth add` makes the file"
    return read_text(path, "users", most, if_missing=if_missing, if_larger=hint)


def _limit_of(file: str) -> tuple[int, str]:
    """Most bytes that a file may have, and what to say where it has more."""
    return (MAX_CSV_BYTES, "") if _is_csv(file) else (MAX_BYTES, "; CSV may be larger")


def _is_csv(file: str) -> bool:
    return file.lower().endswith(".csv")


def _rows(file: str, text: str) -> tuple[list[_Row], list[Finding]]:
    """Every row, and what is wrong with the form of the file."""
    if _is_csv(file):
        return _csv_rows(file, text)
    if is_blank(text):
        return [], []
    tree, findings = read_tree(file, text, "config")
    if tree is None:
        return [], veiled(findings, ("users", *COLUMNS))
    top = tree.value
    is_mapping = isinstance(top, dict) and list(top) == ["users"]
    listed = top["users"] if is_mapping else top
    if not isinstance(listed, list) or not all(isinstance(row, dict) for row in listed):
        message = "must be `users:` and a list of `{user: …, domain: …, ha1_md5: …, ha1_sha256: …}`"
        return [], [Finding(file, 1, 1, "config_bad_value", message)]
    above = ("users",) if is_mapping else ()
    rows = [_Row(row, tree.places[(*above, number)]) for number, row in enumerate(listed)]
    return rows, []


def _csv_rows(file: str, text: str) -> tuple[list[_Row], list[Finding]]:
    lines = text.removeprefix("\ufeff").split("\n")
    names = [name.strip() for name in lines[0].split(",")]
    if len(set(names)) < len(names) or not set(names) >= {"user", "domain"}:
        message = f"first line must name the columns, like `{','.join(COLUMNS[:4])}`"
        return [], [Finding(file, 1, 1, "config_csv", message)]
    rows, findings = [], []
    for number, line in enumerate(lines[1:], 2):
        fields = [field.strip() for field in line.split(",")]
        if not line.strip():
            continue
        if len(fields) != len(names) or '"' in line:
            message = f"line has {len(fields)} fields, not {len(names)}"
            if '"' in line:
                message = "line has a quote; a value with a comma or a quote needs a YAML file"
            findings.append(Finding(file, number, 1, "config_csv", message))
            if len(findings) >= MAX_FINDINGS:
                break
            continue
        values = {name: field for name, field in zip(names, fields, strict=False) if field}
        rows.append(_Row(values, Place(number, 1)))
    return rows, findings


def _account(values: Mapping[str, Any], realm: str) -> Account:
    """The account of one row.

    Raises:
        WrongEntryError: the row cannot be used.
    """
    for name in values:
        if name not in COLUMNS:
            raise WrongEntryError(
                f"unknown column {quoted(str(name))}{did_you_mean(name, COLUMNS)}"
            )
    user, domain = text_in(values, "user"), text_in(values, "domain")
    if not _USER.fullmatch(user):
        raise WrongEntryError(f"{quoted(user)} is not a user, like `alice`")
    if not _DOMAIN.fullmatch(domain):
        raise WrongEntryError(f"{quoted(domain)} is not a domain")
    ha1s = ha1s_in(values, user, realm, f"`{user}`", "; `dfks auth add` makes it")
    aor = Aor(user, sys.intern(domain.lower()))
    return Account(aor, ha1s.get(Algorithm.MD5), ha1s.get(Algorithm.SHA_256))


def _warnings(
    path: Path, auth: AuthSettings, accounts: Mapping[Aor, Account], in_clear: list[Aor]
) -> Iterator[Finding]:
    def warning(message: str) -> Finding:
        return Finding(str(path), 0, 0, "config_users", message, "warning")

    if not accounts:
        yield warning("has no users, so that nobody can authenticate; see `dfks auth add`")
    elif auth.realm is not None and all(one.domain != auth.realm.lower() for one in accounts):
        yield warning(f"no user has the domain `{auth.realm}`, which is `auth.realm`")
    if in_clear:
        told = _told(in_clear, "a password in clear text")
        yield warning(f"{told}; `dfks auth add` writes HA1s instead")
    for algorithm in auth.algorithms:
        if lacking := [aor for aor, one in accounts.items() if one.ha1(algorithm) is None]:
            told, name = _told(lacking, f"no `{KEYS[algorithm]}`"), algorithm.value
            yield warning(
                f"{told}, but {name} is offered: phones that choose it cannot authenticate;"
                f" add it, or remove {name} from `auth.algorithms`"
            )
    if exposure := exposure_of(path):
        yield warning(exposure)


def _told(some: list[Aor], what: str) -> str:
    has = f"{len(some):,} users have" if len(some) > 1 else "one user has"
    return f"{has} {what}, e.g. `{some[0].user}@{some[0].domain}`"


def put_user(path: Path, account: Account) -> bool:
    """Add a user to a file, or replace its password; the file is replaced as a whole.

    What is above the first user stays; comments between users of a YAML file do not.

    Returns:
        Whether the file had the user.

    Raises:
        ConfigError: the file that is there cannot be used, or the new one could not be.
        OSError: it cannot be written.
    """
    file = str(path)
    text = _read(path) if os.path.lexists(path) else ""
    rows, findings = _rows(file, text) if text.strip() else ([], [])
    if findings:
        raise ConfigError(findings)
    aor = account.identity.aor
    others = [
        row.values
        for row in rows
        if (str(row.values.get("user")), str(row.values.get("domain")).lower()) != aor
    ]
    new = {"user": aor.user, "domain": aor.domain}
    new |= {
        name: ha1.decode() for one, name in KEYS.items() if (ha1 := account.ha1(one)) is not None
    }
    try:
        _account(new, "")
    except WrongEntryError as wrong:
        raise ConfigError([Finding(file, 0, 0, "config_bad_value", str(wrong))]) from None
    write = _csv_text if _is_csv(file) else _yaml_text
    written = write([*others, new], text)
    check_size(path, len(written.encode()), *_limit_of(file))
    _replace(path, written)
    return len(others) < len(rows)


def _yaml_text(rows: Iterable[Mapping[str, Any]], before: str) -> str:
    head = []
    for line in before.splitlines():
        if line.lstrip()[:1] not in ("", "#"):
            break
        head.append(line)
    return "\n".join([*head, "users:", *(f"  - {flow(dict(row))}" for row in rows), ""])


def _csv_text(rows: Iterable[Mapping[str, Any]], before: str) -> str:
    first = before.removeprefix("\ufeff").partition("\n")[0].split(",") if before.strip() else []
    names = list(dict.fromkeys([*map(str.strip, first), *COLUMNS[:4]]))
    lines = [",".join(str(row.get(name, "")) for name in names) for row in rows]
    return "\n".join([",".join(names), *lines, ""])


def _replace(path: Path, text: str) -> None:
    """Write a file that only its owner may read, so that whoever reads it sees all or nothing."""
    target = path.resolve()
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        if target.exists():
            # root adds users to a file that the server's account has to read.
            with contextlib.suppress(PermissionError):
                os.fchown(descriptor, target.stat().st_uid, target.stat().st_gid)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
