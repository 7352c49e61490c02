"""Texts that begin with an entry of a long list, and texts that do not."""

import pytest

from dfks_rules.policy.language.characters import union
from dfks_rules.policy.proof import beginnings
from dfks_rules.policy.proof.automata import ALL, Automaton, TooLargeError
from dfks_rules.policy.proof.beginnings import Beginnings
from dfks_rules.policy.proof.determined import Determined
from tests.helpers.outcomes import every_text

_LONGEST = 4


def states(*patterns: list[str]) -> Determined:
    """Of texts of two letters that begin with one of some texts."""
    automaton = Automaton(union([(ord("a"), ord("b"))]))
    tests = [automaton.texts(texts, ALL) for texts in patterns]
    return Determined(automaton, tests, automaton.anything(0), longest=_LONGEST)


def found(whole: Determined, entries: list[str], enough: int) -> dict[frozenset[int], list[str]]:
    """The texts for each outcome of the other tests."""
    of_list = Beginnings(whole, entries, enough)
    return {passed: list(of_list.texts(ends, "")) for passed, ends in whole.ends.items()}


def begins(text: str, entries: list[str]) -> bool:
    """Whether a text begins with an entry."""
    return text.startswith(tuple(entries))


@pytest.mark.parametrize("enough", [1, 2, 9])
@pytest.mark.parametrize(
    "entries",
    [["ab"], ["a", "ab"], ["aab", "abb", "bb"], ["a", "b"], [""], ["abab", "c", "ba"], ["aaaaa"]],
    ids=str,
)
def test_each_outcome_is_had_with_an_entry_and_without(entries: list[str], enough: int) -> None:
    """As often as wanted, or as there are texts."""
    whole = states(["ab", "bb"], ["aba"])
    for passed, texts in found(whole, entries, enough).items():
        every = [t for t in every_text("ab", _LONGEST) if whole.passed(_end(whole, t)) == passed]
        for with_entry in (True, False):
            alike = {text for text in every if begins(text, entries) is with_entry}
            had = [text for text in texts if begins(text, entries) is with_entry]
            assert alike.issuperset(had)
            assert len(set(had)) == len(had) >= min(enough, len(alike))


def _end(whole: Determined, text: str) -> int:
    position = whole.position_of(text)
    assert position is not None
    return position


def test_a_list_that_has_everything_is_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be a text without an entry at its end, so that has a limit."""
    whole = states()
    everything = every_text("ab", 4)[-16:]
    without = [t for t in found(whole, everything, 40)[frozenset()] if not begins(t, everything)]
    assert sorted(without) == sorted(every_text("ab", 3))
    monkeypatch.setattr(beginnings, "MAX_VISITED", 10)
    with pytest.raises(TooLargeError):
        Beginnings(whole, everything, 40)
