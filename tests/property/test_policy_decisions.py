"""Whole decisions against a second opinion: random policies of the whole language.

A decision is its effect, reason, status, values, who is told, what follows, when it expires, what
is lifted, and what is logged. And each mutant of the server is caught by the same comparison.
"""

from collections.abc import Callable, Iterable
from contextlib import closing
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from dfks_rules.policy.deciding import combine, engine, matching, sheets
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.facts.fact import Kind
from dfks_rules.policy.facts.facts import known_fact
from dfks_rules.policy.language import values
from dfks_rules.policy.language.document import AllOf, Band
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.reading.read import Reader
from dfks_rules.policy.reading.source import Source
from tests.helpers.plain_policies import PlainPolicies, said_by
from tests.helpers.random_policies import SITE, files
from tests.helpers.random_questions import random_view

ORDINARY = (60, 200)
"""Policy sets, and questions to each, whenever tests run."""
LONG = (300, 300)
"""Likewise, among those that take long."""


class UnlikeError(AssertionError):
    """The server decides otherwise."""


def compare(sources: list[Source], chance: int, number: int) -> int:
    """Has so many random requests decided both ways; how many they were.

    Raises:
        UnlikeError: they differ.
    """
    random = Random(chance)
    with closing(load([*sources, *SITE])) as policies:
        plain = PlainPolicies(sources, policies.site)
        for _ in range(number):
            view = random_view(random)
            decision = policies.decide_view(view)
            said, wanted = said_by(decision), plain.decide(view)
            if said != wanted:
                raise UnlikeError(f"{said}, but should be {wanted}, of {view}")
        assert policies.engine_failures == 0
    return number


def profile(sets: int) -> settings:
    """So many, each new."""
    return settings(
        max_examples=sets,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


def compared(sets: int, number: int) -> int:
    """Compares so many sets with so many questions each; how many pairs there were."""
    pairs = 0

    @profile(sets)
    @given(files(), st.integers(0, 2**32))
    def run(sources: list[Source], chance: int) -> None:
        nonlocal pairs
        pairs += compare(sources, chance, number)

    run()
    return pairs


def test_a_run_compares_a_hundred_thousand_decisions() -> None:
    """Whoever makes it faster does not make it weaker."""
    assert sum(sets * number for sets, number in (ORDINARY, LONG)) >= 100_000


def test_the_server_decides_what_its_policies_say() -> None:
    """Whatever peers and authors write."""
    sets, number = ORDINARY
    assert compared(sets, number) >= sets * number


@pytest.mark.long
def test_the_server_decides_what_its_policies_say_in_ninety_thousand_pairs() -> None:
    """The rest of what each run shows."""
    sets, number = LONG
    assert compared(sets, number) >= sets * number


def _without_final(real: Callable[..., Any]) -> Callable[..., Any]:
    def mutant(rules: Iterable[Any], *others: Any) -> Any:
        endless = [one._replace(effects=one.effects._replace(final=False)) for one in rules]
        return real(endless, *others)

    return mutant


def _reversed(real: Callable[..., Any]) -> Callable[..., Any]:
    return lambda rules, *others: real(rules[::-1], *others)


def _one_more(name: str) -> Any:
    fact = _known_fact(name)
    if fact.kind is not Kind.COUNT:
        return fact

    def read(view: Any) -> Any:
        value = fact.read(view)
        return value + 1 if isinstance(value, int) else None

    return fact._replace(read=read)


def _holds_where_absent(atom: Atom, lookup: Any) -> bool:
    return lookup(atom.facts[0]) is None or _holds(atom, lookup)


def _positive(literal: Any, *others: Any) -> Any:
    return _condition(literal._replace(positive=True), *others)


_known_fact, _holds, _condition, _match = (
    known_fact,
    Atom.holds,
    sheets._condition,
    engine.Ruleset.match,
)
_rule, _header = Reader.rule, Reader.header
_template, _rewritten = values.Template.value, values.Rewritten.value

_MUTANTS: dict[str, tuple[Any, str, Any]] = {
    "final is ignored by fields": (combine, "_fields", _without_final(combine._fields)),
    "the last field counts": (combine, "_fields", _reversed(combine._fields)),
    "nothing expires": (combine.Plan, "timed", lambda _, decision, at: decision),
    "nothing is logged": (combine.Plan, "lines", lambda *_: ()),
    "nothing follows": (combine, "_also", lambda *_: ()),
    "denials keep their placeholders": (combine, "line", lambda text, _: text),
    "shadows decide": (Reader, "rule", lambda *a: _rule(*a)._replace(shadow=False)),
    "what is off decides": (Reader, "is_off", lambda *_: False),
    "scopes are ignored": (Reader, "scope", lambda *_: AllOf(())),
    "bands are ignored": (Reader, "header", lambda one: _header(one)._replace(band=Band.NORMAL)),
    "absent facts pass": (Atom, "holds", _holds_where_absent),
    "counts are off by one": (matching, "known_fact", _one_more),
    "negations are forgotten": (sheets, "_condition", _positive),
    "defaults are forgotten": (
        values.Template,
        "value",
        lambda one, lookup: _template(one._replace(default=None), lookup),
    ),
    "nothing is stripped": (
        values.Rewritten,
        "value",
        lambda one, lookup: _rewritten(one._replace(strip=""), lookup),
    ),
}
"""What is wrong → what is put in the place of what."""


@pytest.fixture(scope="module")
def drawn() -> list[tuple[list[Source], int]]:
    """As many policy sets as are compared whenever tests run, always the same."""
    found: list[tuple[list[Source], int]] = []

    @seed(13)
    @profile(ORDINARY[0])
    @given(files(), st.integers(0, 2**32))
    def draw(sources: list[Source], chance: int) -> None:
        found.append((sources, chance))

    draw()
    return found


def compare_all(drawn: list[tuple[list[Source], int]]) -> None:
    """Compares them all."""
    for sources, chance in drawn:
        compare(sources, chance, ORDINARY[1])


@pytest.mark.parametrize("mutant", _MUTANTS)
def test_a_mutant_is_found(
    mutant: str, drawn: list[tuple[list[Source], int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By as many pairs as are compared whenever tests run."""
    monkeypatch.setattr(*_MUTANTS[mutant])
    with pytest.raises(UnlikeError):
        compare_all(drawn)
