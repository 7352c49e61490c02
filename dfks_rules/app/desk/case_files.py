"""Which of the files that were read the cases, or the proofs, of a file are about."""

import posixpath
from collections.abc import Iterable, Sequence
from typing import Protocol

from dfks_rules.app.desk.policies import TENANTS
from dfks_rules.errors import Finding, PolicyError
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.reading.source import Source


class Beside(Protocol):
    """A file that stands beside policies."""

    @property
    def file(self) -> str:
        """Its path."""

    @property
    def policies(self) -> Sequence[str]:
        """The files, or folders of them, that it is about, relative to it."""


def named_by(beside: Beside, sources: Iterable[Source]) -> list[Source]:
    """The files that a file of cases or proofs names.

    Raises:
        PolicyError: it names one that was not read (`policy_case`).
    """
    sources = list(sources)
    folder = posixpath.dirname(beside.file)
    tested: list[Source] = []
    for name in beside.policies:
        named = posixpath.normpath(posixpath.join(folder, name))
        found = [source for source in sources if _is_named(source, named)]
        if not found:
            message = phrase(
                "`{name}` is not one of the policy files that the server reads", name=name
            )
            raise PolicyError([Finding(beside.file, 0, 0, "policy_case", message)])
        tested += found
    return tested


def _is_named(source: Source, path: str) -> bool:
    """Whether this is the file `path`, or one that belongs to the folder `path`."""
    file = posixpath.normpath(source.file)
    folder = posixpath.normpath(posixpath.dirname(file))
    tenants = posixpath.normpath(posixpath.join(path, TENANTS))
    return path in (file, folder) or posixpath.dirname(folder) == tenants
