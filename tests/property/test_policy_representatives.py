"""Every value has a representative: the theories of proofs, on random tests and values.

And each of these theories, when something is taken away from it, is caught by the same values:
so they are hard enough.
"""

from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import Any

import pytest

from dfks_rules.policy.language import characters, languages
from dfks_rules.policy.language.characters import EVERY
from dfks_rules.policy.language.languages import Holding, Place, Present
from dfks_rules.policy.language.patterns import MAX_SUBJECT
from dfks_rules.policy.proof import addresses, automata, moments, numbers, shapes, texts
from tests.helpers.theories import THEORIES, Failure

_CACHED = [
    *(texts._distinct_texts, addresses._distinct_addresses, numbers._distinct_counts),
    *(numbers._distinct_ips, moments._distinct_moments, moments._kinds, moments._shown),
    *(moments._spans, shapes._characters),
]
_SIZES = {
    "texts": (200, 150),
    "addresses": (100, 150),
    "ips": (40, 100),
    "counts": (40, 50),
    "moments": (200, 60),
}
"""Theory → sets of tests, and values for each; some addresses cannot occur and are left out."""


def failures(theory: str) -> Iterator[Failure]:
    """Values without a representative."""
    sets, number = _SIZES[theory]
    for seed in range(sets):
        yield from THEORIES[theory](Random(seed), number)


def test_the_values_are_as_many_as_we_say() -> None:
    """Whoever makes it faster does not make it weaker."""
    assert sum(sets * number for sets, number in _SIZES.values()) > 55_000


@pytest.mark.parametrize("theory", THEORIES)
def test_every_value_has_a_representative(theory: str) -> None:
    """One that passes and fails the same tests."""
    assert list(islice(failures(theory), 3)) == []


@pytest.mark.usefixtures("_fresh")
def test_every_text_has_a_representative_beside_a_long_list(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where every list of beginnings counts as long, and so is told from the other tests."""
    monkeypatch.setattr(texts, "_MANY", 0)
    assert list(islice(failures("texts"), 3)) == []


def _drops(matcher: str) -> dict[str, Any]:
    return {**languages._LANGUAGES, matcher: lambda _: Present()}


def _as_prefix(texts: Any) -> Any:
    return Holding(texts, Place.START)


def _long(language: Any, entries: tuple[str, ...]) -> Any:
    is_list = isinstance(language, Holding) and language.place is Place.START
    return entries or ("\0",) if is_list else None


def _one_round_less(pattern: Any, argument: Any, then: int, around: Any) -> int:
    least, most, parts = argument
    is_many = isinstance(most, int) and least < most < MAX_SUBJECT
    return _repeat(pattern, (least, most - is_many, parts), then, around)


def _one_round_is_enough(pattern: Any, argument: Any, then: int, around: Any) -> int:
    return _repeat(pattern, (min(argument[0], 1), *argument[1:]), then, around)


def _without_case(code: str, argument: Any, *, ignore_case: bool) -> Any:
    return _characters_of(code, argument, ignore_case=False)


def _dot_is_all(code: str, argument: Any, *, ignore_case: bool) -> Any:
    return EVERY if code == "ANY" else _characters_of(code, argument, ignore_case=ignore_case)


def _without_edges_above(cuts: Any, among: range) -> Any:
    starts = sorted({among.start, *(cut for cut in cuts if cut in among)})
    return [range(*ends) for ends in zip(starts, [*starts[1:], among.stop], strict=True)]


def _without_first(edges: set[int], enough: int) -> Any:
    return [n for n in _some(edges, enough) if n not in edges]


def _only_today(clock: Any, days: range) -> Any:
    said: list[Any] = _kinds(clock, days)
    return [today for _, today in said]


def _one_minute_late(clock: Any, day: int) -> Any:
    return [minute + 1 for minute in _edges(clock, day)]


def _one_offset(zone: Any, years: range) -> Any:
    spans = _spans(zone, years)
    return moments._Spans(spans.starts[:1], spans.offsets[:1])


def _first_day(begin: int, end: int) -> range:
    return _days_of(begin, end)[:1]


_repeat, _characters_of = automata._Pattern._repeat, characters.characters_of
_some, _kinds, _edges = numbers._some, moments._Hours.kinds, moments._Hours.edges
_spans, _days_of = moments._spans.__wrapped__, moments._days_of

_ASCII_ONLY = property(lambda _: ((0, 127),))
_MUTANTS: dict[str, tuple[str, Any, str, Any]] = {
    "suffix is forgotten": ("texts", languages, "_LANGUAGES", _drops("suffix")),
    "has is forgotten": ("texts", languages, "_LANGUAGES", _drops("has")),
    "glob is forgotten": ("texts", languages, "_LANGUAGES", _drops("glob")),
    "regex is forgotten": ("texts", languages, "_LANGUAGES", _drops("regex")),
    "eq is forgotten": ("texts", languages, "_LANGUAGES", _drops("eq")),
    "between is forgotten": ("texts", languages, "_LANGUAGES", _drops("between")),
    "in is forgotten": ("texts", languages, "_LANGUAGES", _drops("in")),
    "has is a prefix": (
        "texts",
        languages,
        "_LANGUAGES",
        {**languages._LANGUAGES, "has": _as_prefix},
    ),
    "a repeat ends early": ("texts", automata._Pattern, "_repeat", _one_round_less),
    "a repeat needs one round": ("texts", automata._Pattern, "_repeat", _one_round_is_enough),
    "a long list is forgotten": ("texts", texts, "_long_list", lambda one: _long(one, ())),
    "a long list has everything": ("texts", texts, "_long_list", lambda one: _long(one, ("",))),
    "(?i) is forgotten": ("texts", automata, "characters_of", _without_case),
    "a dot is any character": ("texts", automata, "characters_of", _dot_is_all),
    "there is only ASCII": ("texts", shapes.Shape, "characters", _ASCII_ONLY),
    "whole addresses are forgotten": (
        "addresses",
        addresses,
        "_passing",
        lambda at, from_: frozenset(),
    ),
    "constants do not tie": ("addresses", addresses, "_partners", lambda *_: ({}, {})),
    "no address is too long": ("addresses", languages, "MAX_SUBJECT", None),
    "counts are not told from the next": ("counts", numbers, "_parts", _without_edges_above),
    "networks have no first address": ("ips", numbers, "_some", _without_first),
    "yesterday is forgotten": ("moments", moments._Hours, "kinds", _only_today),
    "hours begin late": ("moments", moments._Hours, "edges", _one_minute_late),
    "hours are forgotten": ("moments", moments._Hours, "edges", lambda *_: ()),
    "times are forgotten": ("moments", moments._Server, "edges", lambda *_: ()),
    "days are forgotten": ("moments", moments._Server, "kinds", lambda _, days: [0 for _ in days]),
    "clocks do not change": ("moments", moments, "_spans", _one_offset),
    "a stretch is one day": ("moments", moments, "_days_of", _first_day),
}
"""What is wrong → the theory, and what is put in the place of what."""


@pytest.fixture
def _fresh() -> Iterator[None]:
    """Nothing is remembered of a mutant."""
    for cached in _CACHED:
        cached.cache_clear()
    yield
    for cached in _CACHED:
        cached.cache_clear()


@pytest.mark.usefixtures("_fresh")
@pytest.mark.parametrize("mutant", _MUTANTS)
def test_a_mutant_is_found(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A theory that lacks something has no representative for some value."""
    theory, owner, name, instead = _MUTANTS[mutant]
    monkeypatch.setattr(owner, name, instead)
    assert next(failures(theory), None) is not None
