"""Whether two parts of rules are the same, type and all.

Named tuples of different types are equal if their fields are: `AllOf(x) == AnyOf(x)`, which would
prove what is not so.
"""

from collections.abc import Hashable
from typing import Any

from dfks_rules.policy.language.document import Rule


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal and of one type, and so are their parts."""
    if one is other:
        return True
    if type(one) is not type(other) or one != other:
        return False
    if isinstance(one, tuple):
        return all(map(same, one, other))
    if isinstance(one, frozenset):
        return exact(one) == exact(other)
    return True


def exact(value: Any) -> Hashable:
    """A key that only the same value has."""
    if isinstance(value, tuple):
        return (type(value), *map(exact, value))
    if isinstance(value, frozenset):
        return (frozenset, frozenset(map(exact, value)))
    return (type(value), value)


class Numbering:
    """Numbers rules so that those which mean the same, whatever they are called, have one."""

    def __init__(self) -> None:
        self._known: dict[Hashable, list[tuple[Rule, int]]] = {}
        self._count = 0

    def number(self, rule: Rule) -> int:
        """The number of what a rule says."""
        # By its name, an Exception lifts a denial that allows it.
        nameless = rule if rule.effects.exceptions else rule._replace(id="")
        some = self._known.setdefault(nameless, [])
        for known, number in some:
            if same(known, nameless):
                return number
        self._count += 1
        some.append((nameless, self._count))
        return self._count
