"""Values that stand for all of a fact."""

from zoneinfo import ZoneInfo

import pytest

from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof.needs import Needs
from dfks_rules.policy.proof.points import Horizon, values
from dfks_rules.policy.proof.undecided import Undecided
from tests.helpers.spaces import SET_CFB, needing


def test_closed_sets_are_given_whole() -> None:
    """Words, statuses and flags."""
    needs = Needs(SET_CFB)
    assert values("transport", needs) == ("udp", "tcp", "tls")
    assert values("request.status", needs) == (0, 1)
    assert values("target.self", needs) == (False, True)


def test_a_class_is_one_that_rules_name_or_another() -> None:
    """And `unknown`, which is what has no number."""
    needs = Needs(SET_CFB)
    needs.test(Atom("target.class", "in", frozenset({"premium", "own-class"})))
    found = values("target.class", needs)
    assert {"premium", "own-class", "unknown"} < set(found)
    assert len(found) == 4


def test_a_value_of_a_feature_stays_within_its_bounds() -> None:
    """No phone asks for 101 rings."""
    needs = needing(SET_CFB)
    needs.equal("rate.user", 500)
    needs.equal("DoNotDisturb.status", 1)
    rings = values("CallForwardingNoAnswer.ringCount", needs)
    assert rings
    assert all(isinstance(one, int) and 1 <= one <= 100 for one in rings)
    assert 500 in values("rate.user", needs)


def test_a_fact_has_only_texts_that_it_can_have() -> None:
    """Also where it is compared with one that can have others: a number has no `@`."""
    needs = Needs(SET_CFB)
    needs.test(Atom("target.number", "sameAs", "request.forwardTo"))
    needs.test(Atom("request.forwardTo", "has", ("@",)))
    assert all(str(one).startswith("+") for one in values("target.number", needs))
    assert any("@" in str(one) for one in values("request.forwardTo", needs))
    assert set(values("target.number", needs)) & set(values("request.forwardTo", needs))


def test_a_test_of_a_class_that_proofs_do_not_know_is_not_decided() -> None:
    """Its cells cannot be told."""
    needs = Needs(SET_CFB)
    needs.test(Atom("target.class", "has", ("premium",)))
    with pytest.raises(Undecided, match="has"):
        values("target.class", needs)


def test_a_horizon_says_for_when_and_where() -> None:
    """As it stands behind `proved`."""
    horizon = Horizon(ZoneInfo("Europe/Berlin"), range(2025, 2029))
    assert str(horizon) == "for 2025 to 2028, server in Europe/Berlin"
