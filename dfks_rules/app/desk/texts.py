"""Texts that operators send in place of policy files."""

import posixpath
from collections.abc import Sequence

from dfks_rules.app.desk.policies import TENANTS, PolicyFiles
from dfks_rules.operations.studies import Text
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.cases import is_cases_file


def files_of(texts: Sequence[Text]) -> PolicyFiles:
    """Texts as files, in the order in which a server reads those of a folder."""
    sources: list[Source] = []
    cases: list[Source] = []
    for text in sorted(texts, key=_rank):
        source = Source(text.name, text.text, _tenant_of(text.name))
        (cases if is_cases_file(text.name) else sources).append(source)
    return PolicyFiles(tuple(sources), tuple(cases))


def _rank(text: Text) -> tuple[bool, str]:
    return _tenant_of(text.name) is not None, text.name


def _tenant_of(name: str) -> str | None:
    folder = posixpath.dirname(name)
    return folder.removeprefix(f"{TENANTS}/") if folder else None
