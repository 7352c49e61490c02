"""What is known of some requests, put into rules."""

import pytest

from dfks_rules.model.decisions import Denial
from dfks_rules.model.values import Value
from dfks_rules.policy.language.document import AllOf, AnyOf, Condition, Effects, Not, Rule
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.language.values import Template
from dfks_rules.policy.proof.pins import ALWAYS, EXCEPT, MARK, Pin, facts_read, marked, pinned
from dfks_rules.policy.proof.undecided import Undecided

_BOB = Atom("user", "eq", "bob")
_GUEST = Atom("groups", "has", ("guests",))
_PIN = Pin(_BOB, {"groups": ("guests",)})


def test_a_test_of_a_pinned_fact_is_decided_where_it_is_pinned_and_asked_elsewhere() -> None:
    """Of bob it is known, of others it is not."""
    elsewhere = AllOf((Not(AnyOf((_BOB,))), _GUEST))
    assert pinned(_GUEST, [_PIN]) == AnyOf((AllOf((_BOB, ALWAYS)), elsewhere))
    no = Pin(_BOB, {"groups": None})
    assert pinned(_GUEST, [no]) == AnyOf((AllOf((_BOB, EXCEPT)), elsewhere))


def test_what_reads_nothing_pinned_stays_the_same_object() -> None:
    """So rules that do not matter are seen to be the same at once."""
    condition: Condition = AllOf((Not(Atom("role", "eq", "x")), AnyOf((_BOB,))))
    assert pinned(condition, [_PIN]) is condition
    assert pinned(AllOf((condition, _GUEST)), [_PIN]) != AllOf((condition, _GUEST))


@pytest.mark.parametrize("facts", [("groups", "watcher.groups"), ("watcher.groups", "groups")])
def test_facts_that_are_compared_are_asked_for_what_is_known_of_one(
    facts: tuple[str, str],
) -> None:
    """Whichever of the two it is."""
    one, other = facts
    condition = pinned(Atom(one, "sameAs", other), [Pin(_BOB, {"groups": ("a", "b")})])
    assert isinstance(condition, AnyOf)
    assert condition.parts[0] == AllOf((_BOB, Atom("watcher.groups", "has", ("a", "b"))))


def test_both_facts_that_are_compared_may_be_known() -> None:
    """Somebody who watches himself has one directory, not two."""
    watcher = Atom("watcher.user", "eq", "bob")
    pins = [Pin(_BOB, {"role": "x"}), Pin(watcher, {"watcher.role": "y"})]
    condition = pinned(Atom("role", "sameAs", "watcher.role"), pins)
    assert isinstance(condition, AnyOf)
    first = condition.parts[0]
    assert isinstance(first, AllOf)
    assert first.parts[1] == AnyOf(
        (
            AllOf((watcher, EXCEPT)),
            AllOf((Not(AnyOf((watcher,))), Atom("watcher.role", "eq", "x"))),
        )
    )


def test_facts_whose_order_is_compared_are_not_decided() -> None:
    """Nothing is claimed of what nobody has thought about."""
    with pytest.raises(Undecided, match="`moreThan`"):
        pinned(Atom("role", "moreThan", "rate.user"), [Pin(_BOB, {"role": "x"})])


def test_a_rule_that_writes_what_differs_is_marked_where_it_does() -> None:
    """Values, texts, lines, and sets for a group."""
    rule = Rule("p/r", _GUEST, Effects(log="of ${role}"))
    assert facts_read(rule) == {"role"}
    mark, same = marked([rule], {"role": _BOB, "groups": _BOB})
    assert mark == Rule("p/r", AllOf((_GUEST, AnyOf((_BOB,)))), Effects(log=MARK))
    assert same is rule
    assert marked([rule], {"groups": _BOB}) == [rule]
    assert marked([rule._replace(shadow=True)], {"role": _BOB}) == [rule._replace(shadow=True)]


def test_what_a_refused_request_would_write_is_not_looked_at() -> None:
    """Else the first request that is tried may be one that shows nothing."""
    written = Effects(values=((Value.FORWARD_TO, Template("${user.vm}")),))
    rule = Rule("p/r", _GUEST, written)
    guard = Rule("p/g", Atom("origin", "eq", "operator"), Effects(denial=Denial("x")))
    lifted = guard._replace(effects=guard.effects._replace(exceptions=True))
    logged = rule._replace(effects=written._replace(log="a line"))
    where = {"user.vm": _BOB}
    allowed = Not(AnyOf((guard.condition,)))
    [mark, *_] = marked([rule, guard], where)
    assert mark.condition == AllOf((_GUEST, AnyOf((_BOB,)), allowed))
    for rules in ([rule, lifted], [rule, guard._replace(shadow=True)], [logged, guard]):
        assert marked(rules, where)[0].condition == AllOf((_GUEST, AnyOf((_BOB,))))
