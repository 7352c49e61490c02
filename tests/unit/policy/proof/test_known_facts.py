"""Proofs know every fact there is, or say which one they do not know."""

import pytest

from dfks_rules.policy.facts.facts import FACTS
from dfks_rules.policy.facts.families import FAMILIES
from dfks_rules.policy.proof.known_facts import (
    Presence,
    demand_known,
    presence,
    stored_name,
)
from dfks_rules.policy.proof.undecided import Undecided
from tests.helpers.spaces import GET_CFB, SET_CFB, SET_DND, SUBSCRIBE


@pytest.mark.parametrize("fact", [*FACTS, *(family.example.name for family in FAMILIES)])
def test_every_fact_has_a_row(fact: str) -> None:
    """Who adds a fact decides here what proofs may claim of it."""
    demand_known(fact.replace("NAME", "name").replace("FEATURE", "DoNotDisturb"))


def test_a_fact_without_a_row_is_not_decided() -> None:
    """Never proved."""
    with pytest.raises(Undecided, match="`weather`"):
        demand_known("weather")


def test_presence_follows_from_the_question() -> None:
    """A status is always there, a target only where there are targets."""
    assert presence("stored.status", GET_CFB) is Presence.ALWAYS
    assert presence("request.status", GET_CFB) is Presence.NEVER
    assert presence("request.forwardTo", SET_DND) is Presence.NEVER
    assert presence("request.forwardTo", SET_CFB) is Presence.SOMETIMES
    assert presence("target.class", SUBSCRIBE) is Presence.NEVER


def test_the_stored_state_of_the_feature_asked_about_has_one_name() -> None:
    """Two variables for one fact would differ in a counterexample that is none."""
    assert stored_name("CallForwardingBusy.forwardTo", SET_CFB) == "stored.forwardTo"
    assert stored_name("DoNotDisturb.status", SET_CFB) == "DoNotDisturb.status"
