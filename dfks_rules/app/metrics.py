"""Collects the counters of the rooms, for MI and whoever else wants figures.

A room counts in plain integers, in a mapping of its own, which is read only when somebody asks.
"""

from collections.abc import Mapping
from typing import Protocol


class Counted(Protocol):
    """What counts something."""

    @property
    def counts(self) -> Mapping[str, int]:
        """Name → value since the start; the names are few, whatever peers send."""
        ...


class Metrics:
    """Every counter of a server."""

    def __init__(self) -> None:
        self._counted: list[tuple[str, Counted]] = []

    def include(self, group: str, counted: Counted) -> None:
        """Collect these counters, too; those of one name in a group are added up."""
        self._counted.append((group, counted))

    def collect(self) -> Mapping[str, int]:
        """`group:name` → value."""
        values: dict[str, int] = {}
        for group, counted in self._counted:
            for name, count in counted.counts.items():
                full = f"{group}:{name}"
                values[full] = values.get(full, 0) + count
        return values
