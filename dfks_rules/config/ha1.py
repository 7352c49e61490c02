"""H(A1) and passwords as users files and credentials files have them."""

import contextlib
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dfks_rules.sip.digest import Algorithm, ha1_of

KEYS = {Algorithm.MD5: "ha1_md5", Algorithm.SHA_256: "ha1_sha256"}
"""Algorithm → the key of its H(A1)."""

_FORMS = {
    Algorithm.MD5: re.compile(r"[0-9a-f]{32}"),
    Algorithm.SHA_256: re.compile(r"[0-9a-f]{64}"),
}


class WrongEntryError(Exception):
    """An entry cannot be used; for whoever reads its file."""


def text_in(entry: Mapping[str, Any], name: str) -> str:
    """A value, empty for none; digits without quotes are a number in YAML, and meant as text.

    Raises:
        WrongEntryError: it is no text.
    """
    value = entry.get(name, "")
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise WrongEntryError(f"`{name}` must be text; put it in quotes")
    return str(value)


def ha1s_in(
    entry: Mapping[str, Any], user: str, realm: str, whose: str, hint: str = ""
) -> dict[Algorithm, bytes]:
    """H(A1) by each algorithm for which it is written, or follows from `password`.

    Args:
        entry: its keys.
        user: what the password is for, with
        realm: this one.
        whose: the entry in messages.
        hint: how to make one, for the same.

    Raises:
        WrongEntryError: one cannot be, or there is none.
    """
    ha1s = {}
    password = text_in(entry, "password")
    for algorithm, name in KEYS.items():
        ha1 = text_in(entry, name).lower()
        if ha1 and not _FORMS[algorithm].fullmatch(ha1):
            # What is wrong is not shown: it may be a password.
            raise WrongEntryError(f"`{name}` of {whose} must be hexadecimal digits{hint}")
        if ha1:
            ha1s[algorithm] = ha1.encode()
        elif password:
            ha1s[algorithm] = ha1_of(algorithm, user, realm, password)
    if not ha1s:
        raise WrongEntryError(f"{whose} has none of `ha1_md5`, `ha1_sha256` and `password`")
    return ha1s


def exposure_of(path: Path) -> str | None:
    """What to warn of where everybody may read a file with secrets; None where not."""
    # It may have been removed meanwhile; what was read holds.
    with contextlib.suppress(OSError):
        if path.stat().st_mode & stat.S_IROTH:
            return f"every local account can read the file; `chmod 600 {path}`"
    return None
