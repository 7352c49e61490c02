"""Which cases `dfks policy test` runs: by name, by file, by a fact of the request."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

import click

from dfks_rules.policy.facts.facts import FACTS, fact_named
from dfks_rules.policy.facts.view import FactValue, View
from dfks_rules.policy.studying.cases import Case, CaseFile
from dfks_rules.policy.words.wording import did_you_mean

FILE = "file"
"""What is written in place of a fact, to choose by the path of the file of cases."""


class Filter(NamedTuple):
    """One condition on cases."""

    name: str
    """Name of a fact, or `file`."""
    pattern: str
    """What its value must match; `*` and `?` stand for any text."""

    def fits(self, view: View) -> bool:
        """Whether a request passes, as its policies see it; without the fact it does not."""
        fact = fact_named(self.name)
        return fact is not None and any(
            fnmatchcase(text, self.pattern) for text in _texts(fact.read(view))
        )


class Choice(NamedTuple):
    """Which cases to run, and what else is required."""

    run: str = "*"
    """Pattern for the names of cases."""
    filters: tuple[Filter, ...] = ()
    """All of these have to hold."""
    fail_fast: bool = False
    """Whether to stop at the first failed case."""
    require_tests: bool = False
    """Whether each policy must have a case."""
    threshold: float = 0.0
    """Lowest acceptable coverage, percent."""

    def has_file(self, cases: CaseFile) -> bool:
        """Whether cases of this file may be chosen."""
        return all(fnmatchcase(cases.file, one.pattern) for one in self.filters if one.name == FILE)

    def has(self, case: Case, view: View) -> bool:
        """Whether a case of such a file is chosen.

        Args:
            case: the case.
            view: its request, as the policies under test see it.
        """
        named = fnmatchcase(case.name, self.run)
        return named and all(one.fits(view) for one in self.filters if one.name != FILE)


def filters_of(written: Sequence[str]) -> tuple[Filter, ...]:
    """Filters as written, `NAME=PATTERN`.

    Raises:
        click.UsageError: one has another form, or names no fact.
    """
    return tuple(map(_filter_of, written))


def _filter_of(written: str) -> Filter:
    name, equals, pattern = written.partition("=")
    if not equals or not pattern:
        raise click.UsageError(f"`{written}` is not NAME=PATTERN")
    if name != FILE and fact_named(name) is None:
        raise click.UsageError(f"unknown fact `{name}`{did_you_mean(name, [FILE, *FACTS])}")
    return Filter(name, pattern)


def _texts(value: FactValue) -> list[str]:
    """A value as cases write it; each name of a list."""
    if value is None:
        return []
    if isinstance(value, tuple):
        return list(value)
    return [str(value).lower() if isinstance(value, bool) else str(value)]
