"""Texts that operators send in place of policy files."""

import posixpath
from collections.abc import Sequence

from dfks_rules.app.desk.policies import TENANTS, PolicyFiles, sorted_out
from dfks_rules.operations.studies import Text
from dfks_rules.policy.reading.source import Source


def files_of(texts: Sequence[Text]) -> PolicyFiles:
    """Texts as files, in the order in which a server reads those of a folder."""
    ordered = sorted(texts, key=_rank)
    return sorted_out(Source(one.name, one.text, _tenant_of(one.name)) for one in ordered)


def _rank(text: Text) -> tuple[bool, str]:
    return _tenant_of(text.name) is not None, text.name


def _tenant_of(name: str) -> str | None:
    folder = posixpath.dirname(name)
    return folder.removeprefix(f"{TENANTS}/") if folder else None
