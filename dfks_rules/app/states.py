"""The stored states for operators, page by page: phones do not wait for a long list."""

from collections.abc import Sequence
from typing import Protocol

from dfks_rules.model.features import Feature, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.operations.ports import Stored
from dfks_rules.operations.turns import Turns


class Listed(Protocol):
    """Where states are stored, in order; `store.sqlite.SqliteStore` is it."""

    def some_names(
        self, place: Aor, at_most: int, domains: Sequence[str] | None, on: Feature | None
    ) -> tuple[list[Aor], Aor | None]:
        """Some presentities from a place on; see `store.states.some_names`."""
        ...

    def look(self, presentity: Aor) -> Snapshot:
        """What is stored."""
        ...


async def page_of(
    store: Listed,
    after: Aor | None,
    at_most: int,
    domains: frozenset[str] | None,
    on: Feature | None,
) -> list[Stored]:
    """Stored presentities, by domain and user; see `operations.ports.Operations.page`."""
    ordered = None if domains is None else sorted(domains)
    place: Aor | None = after or Aor("", "")
    found: list[Stored] = []
    turns = Turns()
    while place is not None and len(found) < at_most:
        names, place = store.some_names(place, at_most - len(found), ordered, on)
        for name in names[: at_most - len(found)]:
            found.append(Stored(name, store.look(name)))
            await turns.step()
        await turns.rest()
    return found
