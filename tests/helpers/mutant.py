"""A server that lacks something: `python -m tests.helpers.mutant NAME serve …`.

What holds the promises of the store is not compiled, so that it can be taken away while the server
starts. The checker must find each.
"""

import sys
from collections.abc import Callable
from typing import Any

from dfks_rules.cli.main import main
from dfks_rules.store.sqlite import SqliteStore

_commit = SqliteStore.commit


def _without_visits() -> None:
    """Subscriptions and CSeqs of phones are not stored with what they asked for."""

    def commit(store: SqliteStore, wanted: Any, settle: Any) -> None:
        _commit(store, wanted._replace(visit=None), settle)

    SqliteStore.commit = commit  # type: ignore[method-assign, assignment]


def _without_terms() -> None:
    """NOTIFYs have the same numbers in each life of the server."""
    SqliteStore.term = property(lambda _: 1)  # type: ignore[method-assign, assignment]


MUTANTS: dict[str, Callable[[], None]] = {
    "visits": _without_visits,
    "terms": _without_terms,
}
"""What it lacks → how that is taken away."""

if __name__ == "__main__":
    MUTANTS[sys.argv.pop(1)]()
    main()
