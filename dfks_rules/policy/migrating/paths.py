"""When a statement is reached: what must hold there, and what must not.

A path is made from another one by one more condition, and shares what it has with it: a route
with thousands of early returns has thousands of paths.
"""

from collections.abc import Iterable, Iterator
from functools import reduce
from itertools import takewhile
from typing import Final, NamedTuple, Self

from dfks_rules.policy.migrating.conditions import (
    Condition,
    excludes,
    literals,
    merge,
    negated,
)
from dfks_rules.policy.reading.schema_pieces import MAX_LIST

Constants = list[str | int]
"""What one fact is compared with."""


class _Other(NamedTuple):
    """A condition that must not hold, and those before it."""

    condition: Condition
    """Not a fact that is a constant: those are in `Path._gone`."""
    before: "_Other | None"
    number: int
    """How many there are."""


class _Gone:
    """Constants that a fact is not; a path knows the first `count` of those that it shares."""

    __slots__ = ("count", "found", "order")

    def __init__(self, order: Constants, found: dict[str | int, int], count: int) -> None:
        self.order: Final = order
        """All of them, of whatever path."""
        self.found: Final = found
        """Constant → its place in the order."""
        self.count: Final = count

    def __contains__(self, value: str | int) -> bool:
        return self.found.get(value, self.count) < self.count

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Gone) and self.values() == other.values()

    __hash__ = None  # type: ignore[assignment]  # It is never a key.

    def values(self) -> Constants:
        """Those that this path knows."""
        return self.order[: self.count]

    def but(self, values: Iterable[str | int]) -> "_Gone":
        """These, too."""
        more = [value for value in dict.fromkeys(values) if value not in self]
        order, found = self.order, self.found
        if len(order) != self.count:  # another path has gone on from here
            order = self.values()
            found = {value: place for place, value in enumerate(order)}
        for value in more:
            found[value] = len(order)
            order.append(value)
        return _Gone(order, found, len(order))


class Path:
    """When a statement is reached; never changed once it is made."""

    __slots__ = ("_gone", "_others", "is_dead", "wanted")

    def __init__(
        self,
        wanted: tuple[Condition, ...] = (),
        gone: dict[str, _Gone] | None = None,
        others: _Other | None = None,
        *,
        is_dead: bool = False,
    ) -> None:
        """Without arguments: always."""
        self.wanted: Final = wanted
        """What must hold, each with one key."""
        self._gone: Final = gone or {}
        """Fact → what it must not be."""
        self._others: Final = others
        """What else must not hold, the newest first."""
        self.is_dead: Final = is_dead
        """Whether nothing comes here."""

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Path)
            and (self.wanted, self._gone, self.is_dead)
            == (other.wanted, other._gone, other.is_dead)
            and self._others is other._others
        )

    __hash__ = None  # type: ignore[assignment]  # It is never a key.

    @property
    def size(self) -> int:
        """How many conditions a rule needs to say it, at most."""
        others = 0 if self._others is None else self._others.number
        return len(self.wanted) + len(self._gone) + others

    def when(self, condition: Condition) -> "Path":
        """Here, and a condition holds."""
        path = self
        for part in literals(condition):
            path = path._when(part)
        return path

    def but(self, condition: Condition) -> "Path":
        """Here, and a condition does not hold."""
        parts = [part for part in literals(condition) if part not in self.wanted]
        if not parts:
            return self._replaced(is_dead=True)
        if len(parts) == 1:
            (part,) = parts
            if constants_of(part):
                return self._is_not(part)
            if "any" in part:
                return reduce(Path.but, part["any"], self)
            opposite = negated(part)
            if "not" not in opposite:
                return self.when(opposite)
        if any(excludes(part, other) for part in parts for other in self.wanted):
            return self
        return self._without({"all": parts} if (one := merge(parts)) is None else one)

    def beyond(self, start: "Path") -> list[Condition]:
        """What must hold here, and what must not, besides what does where this path began."""
        parts = [part for part in self.wanted if part not in start.wanted]
        for fact, gone in self._gone.items():
            known = start._gone.get(fact)
            is_known = known is not None and known.order is gone.order
            values = gone.order[known.count if known and is_known else 0 : gone.count]
            if known and not is_known:
                values = [value for value in values if value not in known]
            if values:
                parts.append({"not": {fact: one_or_some(values)}})
        newer = takewhile(lambda one: one is not start._others, _back_from(self._others))
        return [*parts, *reversed([{"not": one.condition} for one in newer])]

    def excludes(self, other: "Path") -> bool:
        """Whether it is plain to see that nothing comes both here and there."""
        if self.is_dead or other.is_dead or self._misses(other) or other._misses(self):
            return True
        return any(excludes(one, that) for one in self.wanted for that in other.wanted)

    def conditions(self) -> tuple[Condition, Condition]:
        """As rules say it: what must hold, and what must not, without what goes without saying."""
        lists = [_in_lists(part) for part in self.wanted]
        wanted = [one[0] if len(one) == 1 else {"any": one} for one in lists]
        merged = merge(wanted)
        when = {"all": wanted} if merged is None else merged
        unwanted: list[Condition] = []
        for fact, gone in self._gone.items():
            unwanted += _in_lists({fact: one_or_some(gone.values())})
        unwanted += [
            one
            for one in self._unwanted()
            if not any(excludes(one, other) for other in self.wanted)
        ]
        return when, unwanted[0] if len(unwanted) == 1 else {"any": unwanted} if unwanted else {}

    def _unwanted(self) -> list[Condition]:
        """What else must not hold, the oldest first."""
        return [one.condition for one in _back_from(self._others)][::-1]

    def _misses(self, other: "Path") -> bool:
        """Whether something must not hold here that must hold there."""
        for part in other.wanted:
            ((fact, _),) = part.items()
            gone, values = self._gone.get(fact), constants_of(part)
            if gone is not None and values and all(value in gone for value in values):
                return True
        return any(
            all(part in other.wanted for part in literals(one.condition))
            for one in _back_from(self._others)
        )

    def _when(self, part: Condition) -> "Path":
        if part in self.wanted:
            return self
        if "not" in part:
            return self.but(part["not"])
        values = constants_of(part)
        if not values:
            return self._replaced(wanted=(*self.wanted, part))
        ((fact, _),) = part.items()
        gone = dict(self._gone)
        not_these = gone.pop(fact, None)
        left = [value for value in values if not_these is None or value not in not_these]
        return self._is(fact, left, gone)

    def _is(self, fact: str, values: Constants, gone: dict[str, _Gone]) -> "Path":
        """A fact is one of these constants, and of those that it had to be until now."""
        wanted = list(self.wanted)
        place = len(wanted)
        for number, part in enumerate(self.wanted):
            before = constants_of(part) if fact in part else []
            if before:
                values, place = [value for value in values if value in before], number
        if not values:
            return self._replaced(is_dead=True)
        wanted[place : place + 1] = [{fact: one_or_some(values)}]
        return Path(tuple(wanted), gone, self._others, is_dead=self.is_dead)

    def _is_not(self, part: Condition) -> "Path":
        """A fact is none of some constants."""
        ((fact, _),) = part.items()
        values = constants_of(part)
        for wanted in self.wanted:
            before = constants_of(wanted) if fact in wanted else []
            if before:
                left = [value for value in before if value not in values]
                return self if left == before else self._is(fact, left, self._gone)
        gone = self._gone.get(fact) or _Gone([], {}, 0)
        return Path(
            self.wanted, {**self._gone, fact: gone.but(values)}, self._others, is_dead=self.is_dead
        )

    def _without(self, condition: Condition) -> "Path":
        number = 1 if self._others is None else self._others.number + 1
        others = _Other(condition, self._others, number)
        return Path(self.wanted, self._gone, others, is_dead=self.is_dead)

    def _replaced(
        self, *, wanted: tuple[Condition, ...] | None = None, is_dead: bool = False
    ) -> "Path":
        wanted = self.wanted if wanted is None else wanted
        return Path(wanted, self._gone, self._others, is_dead=is_dead or self.is_dead)


EVERYWHERE: Final = Path()
"""Where a route begins."""


class Ends:
    """On which paths a body is left before its end."""

    __slots__ = ("route", "script", "switch")

    def __init__(self) -> None:
        """On none."""
        self.route: Final[list[Path]] = []
        """The route that it belongs to ends, or what calls it goes on."""
        self.script: Final[list[Path]] = []
        """Everything ends."""
        self.switch: Final[list[Path]] = []
        """The switch around it ends."""

    def add(self, other: "Ends") -> Self:
        """These, too."""
        self.route.extend(other.route)
        self.script.extend(other.script)
        self.switch.extend(other.switch)
        return self

    def past(self, here: Path) -> Path:
        """What comes from here to what follows."""
        rests: list[Condition] = []
        for end in (*self.route, *self.script, *self.switch):
            parts = end.beyond(here)
            merged = merge(parts)
            rest = {"all": parts} if merged is None else merged
            joined = _joined(rests[-1], rest) if rests else None
            if joined is None:
                rests.append(rest)
            else:
                rests[-1] = joined
        for rest in rests:
            here = here.but(rest)
        return here


def constants_of(part: Condition) -> Constants:
    """The constants that a fact must be one of, by a condition with one key; none: other tests."""
    ((_, value),) = part.items()
    if isinstance(value, str | int):
        return [value]
    return value if isinstance(value, list) and all(isinstance(v, str | int) for v in value) else []


def one_or_some(values: Constants) -> str | int | Constants:
    """As a rule writes it."""
    return values[0] if len(values) == 1 else values


def _in_lists(part: Condition) -> list[Condition]:
    """The same, of which at least one must hold, none with a longer list than rules may have."""
    values = constants_of(part)
    if len(values) <= MAX_LIST:
        return [part]
    ((fact, _),) = part.items()
    return [{fact: values[first : first + MAX_LIST]} for first in range(0, len(values), MAX_LIST)]


def _back_from(other: _Other | None) -> Iterator[_Other]:
    while other is not None:
        yield other
        other = other.before


def _joined(one: Condition, other: Condition) -> Condition | None:
    """One condition for two that differ in the constants of one fact; None: they differ in more."""
    if one.keys() != other.keys():
        return None
    differing = [key for key in one if one[key] != other[key]]
    if len(differing) != 1:
        return None
    (key,) = differing
    these, those = constants_of({key: one[key]}), constants_of({key: other[key]})
    if not these or not those:
        return None
    return {**one, key: [*these, *(value for value in those if value not in these)]}
