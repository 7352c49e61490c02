"""States of several tests at once."""

from itertools import islice

import pytest

from dfks_rules.policy.proof import determined
from dfks_rules.policy.proof.automata import ALL, END, Automaton, TooLargeError
from dfks_rules.policy.proof.determined import Determined, picked
from tests.helpers.outcomes import every_text


def made(*texts: str, longest: int = 9) -> Determined:
    """For each text, a test that a text has it; any text can occur."""
    automaton = Automaton(((ord("a"), ord("c")),))
    tests = [automaton.anything(automaton.texts([text], ALL)) for text in texts]
    return Determined(automaton, tests, ALL, longest=longest)


def test_each_state_has_a_shortest_text() -> None:
    """And says which tests that text passes."""
    whole = made("a", "bb")
    found = {whole.shortest[n]: whole.passed(n) for n in range(len(whole.states))}
    assert found == {
        "": frozenset(),
        "a": {0},
        "b": frozenset(),
        "ab": {0},
        "bb": {1},
        "abb": {0, 1},
    }


def test_a_state_that_no_text_can_lead_to_is_not_made() -> None:
    """The limit on texts counts, and what can occur."""
    assert len(made("aaaa", longest=2).states) == 3
    automaton = Automaton()
    whole = Determined(automaton, [ALL], automaton.texts(["ab"], END), longest=9)
    assert whole.shortest == ["", "a", "ab"]
    assert [whole.passed(n) for n in range(3)] == [None, None, {0}]


def test_all_texts_to_a_state_are_found_the_shortest_first() -> None:
    """Of characters that lead to the same state, those named and as many others as wanted."""
    whole = made("b", longest=3)
    ends = [n for n in range(len(whole.states)) if whole.passed(n) == frozenset()]
    expected = [text for text in every_text("ac", 3) if "b" not in text]
    assert sorted(whole.texts_to(ends, "ac", 1), key=lambda t: (len(t), t)) == expected
    assert list(whole.texts_to(ends, "", 1)) == ["", "a", "aa", "aaa"]
    assert list(islice(whole.texts_to(ends, "", 2), 4)) == ["", "a", "c", "aa"]


def test_a_text_as_long_as_there_is_one_is_found() -> None:
    """A state that is left by every character has one length only."""
    whole = made("b", longest=300)
    without, having = ([0], [1])
    assert whole.longest_to(without) == "a" * 300
    assert len(whole.longest_to(having)) == 300
    automaton = Automaton()
    finite = Determined(automaton, [automaton.texts(["xy"], END)], ALL, longest=300)
    ends = [n for n in range(len(finite.states)) if finite.passed(n)]
    assert finite.longest_to(ends) == "xy"


def test_too_many_states_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before they take all memory."""
    monkeypatch.setattr(determined, "MAX_STATES", 5)
    with pytest.raises(TooLargeError):
        made("aa", "bb", "cc")


def test_characters_that_people_read_easily_come_first() -> None:
    """Control characters come last."""
    assert picked(((0, 0x10FFFF),), 3) == "abc"
    assert picked(((0, 64), (0xA1, 0xA3)), 12) == '0123456789!"'
    assert picked(((0, 9), (0xA1, 0xA2)), 3) == "¡¢\0"
    assert picked(((97, 98),), 5) == "ab"
