"""durable_rules as a matcher; what was measured and must stay so."""

import json
import resource

import pytest

from dfks_rules.policy.deciding.engine import EngineError, Ruleset, self_test
from dfks_rules.policy.deciding.sheets import sheet
from dfks_rules.policy.language.alternatives import SignedAtom
from dfks_rules.policy.language.matchers import Atom

FLAGS = [Atom("user", "prefix", (str(n),)) for n in range(60)]


def definition(rules: int) -> str:
    """Rules of which the n-th matches when flag n is up."""
    return sheet([(n, frozenset({SignedAtom(FLAGS[n], True)})) for n in range(rules)]).definition


def message(*up: int, of: int = 3) -> str:
    """A message with these flags up."""
    flags = "".join(f',"f{n}":{int(n in up)}' for n in range(of))
    return f'{{"id":"r","k":1{flags}}}'


def test_every_rule_that_matches_is_told_in_order() -> None:
    """A fact fires all rules; an event would fire the first one only."""
    ruleset = Ruleset(definition(3))
    assert ruleset.match(message(2, 0)) == ["0_1", "2_3"]
    assert ruleset.match(message()) == []
    assert ruleset.match(message(1)) == ["1_2"]
    ruleset.delete()


def test_sixty_rules_may_match_at_once() -> None:
    """The limit that the compiler keeps to."""
    ruleset = Ruleset(definition(60))
    assert len(ruleset.match(message(*range(60), of=60))) == 60
    ruleset.delete()


def test_a_deleted_ruleset_fails_cleanly() -> None:
    """A failure of the engine is an exception that the caller can recover from."""
    ruleset = Ruleset(definition(3))
    ruleset.delete()
    with pytest.raises(EngineError, match="cannot match") as caught:
        ruleset.match(message(1))
    assert caught.value.code == "policy_engine"


def test_a_definition_that_the_engine_refuses_is_an_error() -> None:
    """It never comes from our compiler."""
    with pytest.raises(EngineError, match="cannot compile"):
        Ruleset("{")


def test_a_ruleset_without_its_catch_all_is_an_error() -> None:
    """The catch-all firing last is the proof that the engine kept its way."""
    rules = {"0_1": {"pri": 1, "all": [{"m": {"k": 1}}]}}
    with pytest.raises(EngineError, match="catch-all"):
        Ruleset(json.dumps(rules))


def test_self_test_passes_and_leaves_nothing_behind() -> None:
    """It runs at each load."""
    self_test()
    self_test()


def test_making_and_deleting_rulesets_leaks_nothing() -> None:
    """`delete_ruleset` without `delete_state` leaks 745 kB each time."""
    made = definition(50)

    def reload(times: int) -> int:
        for _ in range(times):
            ruleset = Ruleset(made)
            ruleset.match(message(1, of=50))
            ruleset.delete()
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    before = reload(20)
    assert reload(100) - before < 10_000  # kB
