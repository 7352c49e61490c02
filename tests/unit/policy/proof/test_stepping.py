"""Tests of texts that go on together."""

from dfks_rules.policy.proof.automata import ALL, END, Automaton
from dfks_rules.policy.proof.stepping import Stepping

_AB = ((ord("a"), ord("b")),)
_A, _B = ((ord("a"), ord("a")),), ((ord("b"), ord("b")),)


def test_characters_that_no_test_tells_apart_lead_to_one_state() -> None:
    """And each state says which tests pass there."""
    automaton = Automaton(_AB)
    stepping = Stepping(automaton, [automaton.texts(["a"], END), ALL], needed=1)
    ahead = stepping.next(stepping.first)
    assert {characters: stepping.passed(state) for state, characters in ahead.items()} == {
        _A: {0, 1},
        _B: {1},
    }
    (lost,) = (state for state, characters in ahead.items() if characters == _B)
    assert stepping.next(lost) == {lost: _AB}


def test_a_state_without_the_needed_test_is_of_no_interest() -> None:
    """No text can occur that leads there."""
    automaton = Automaton(_AB)
    stepping = Stepping(automaton, [ALL, automaton.texts(["a"], END)], needed=1)
    ((after, characters),) = stepping.next(stepping.first).items()
    assert characters == _A
    assert stepping.next(after) == {}


def test_a_test_that_passes_whatever_follows_is_nowhere_else() -> None:
    """What it was looking for before makes no more states."""
    automaton = Automaton(_AB)
    has_a = automaton.anything(automaton.texts(["a", "bb"], ALL))
    stepping = Stepping(automaton, [has_a, ALL], needed=1)
    ahead = stepping.next(stepping.first)
    passed = next(state for state, characters in ahead.items() if characters == _A)
    assert stepping.nodes(passed, 0) == {ALL}
    assert stepping.next(passed) == {passed: _AB}


def test_the_nodes_of_a_test_are_known_in_each_state() -> None:
    """Tests may share them."""
    automaton = Automaton(_AB)
    start = automaton.texts(["ab"], END)
    stepping = Stepping(automaton, [start, start, ALL], needed=2)
    first = stepping.first
    assert stepping.nodes(first, 0) == stepping.nodes(first, 1) == automaton.closed(start)
    assert stepping.nodes(first, 2) == {ALL}
