"""Which of the files that were read the cases of a file test."""

import posixpath
from collections.abc import Iterable

from dfks_rules.app.desk.policies import TENANTS
from dfks_rules.errors import Finding, PolicyError
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.cases import CaseFile


def named_by(cases: CaseFile, sources: Iterable[Source]) -> list[Source]:
    """The files that a file of cases names.

    Raises:
        PolicyError: it names one that was not read (`policy_case`).
    """
    sources = list(sources)
    folder = posixpath.dirname(cases.file)
    tested: list[Source] = []
    for name in cases.policies:
        named = posixpath.normpath(posixpath.join(folder, name))
        found = [source for source in sources if _is_named(source, named)]
        if not found:
            message = f"`{name}` is not one of the policy files that the server reads"
            raise PolicyError([Finding(cases.file, 0, 0, "policy_case", message)])
        tested += found
    return tested


def _is_named(source: Source, path: str) -> bool:
    """Whether this is the file `path`, or one that belongs to the folder `path`."""
    file = posixpath.normpath(source.file)
    folder = posixpath.normpath(posixpath.dirname(file))
    tenants = posixpath.normpath(posixpath.join(path, TENANTS))
    return path in (file, folder) or posixpath.dirname(folder) == tenants
