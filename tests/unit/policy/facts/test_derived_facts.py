"""Facts that are worked out, or said by a case."""

from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.policy.facts.derived_facts import DERIVED_FACTS
from dfks_rules.policy.facts.facts import FACTS
from dfks_rules.policy.facts.view import View
from tests.helpers.policy import CFNA, NOON, get, set_
from tests.helpers.states import forwarding

STORED = NOTHING_STORED.replace(CFNA, forwarding(True, "sip:vm@example.com", 4))
SET = set_(CFNA, forwarding(False, "4930", 2))


def test_what_somebody_says_of_a_derived_fact_holds() -> None:
    """A case need not spell a premium number to speak of one."""
    view = View(SET, STORED, NOON, given=(("target.class", "premium"), ("groups", ("x",))))
    assert FACTS["target.class"].read(view) == "premium"
    assert FACTS["groups"].read(view) == ("x",)
    assert not any(FACTS[name].derived for name in ("user", "time", "rate.user"))


def test_a_get_is_about_the_stored_target() -> None:
    """A policy on what phones are told must know where calls go."""
    view = View(get(CFNA), STORED, NOON)
    assert FACTS["target.user"].read(view) == "vm"
    assert FACTS["target.user"].read(View(get(), STORED, NOON)) is None


def test_without_a_target_there_is_nothing_to_say_of_it() -> None:
    """A rule about premium numbers is not about do-not-disturb."""
    view = View(get(), STORED, NOON)
    about = [fact for fact in DERIVED_FACTS if fact.name.startswith("target.")]
    assert {fact.read(view) for fact in about} == {None}


def test_who_says_one_number_of_a_target_says_all() -> None:
    """So a case that was written for one number is still about this number alone."""
    there = View(SET, STORED, NOON, given=(("target.number", "+4930123456"),))
    assert FACTS["target.numbers"].read(there) == ("+4930123456",)
    absent = View(SET, STORED, NOON, given=(("target.number", None),))
    assert FACTS["target.numbers"].read(absent) is None
    both = ("+4930123456", "+88216123456")
    several = View(SET, STORED, NOON, given=(("target.number", both[0]), ("target.numbers", both)))
    assert FACTS["target.numbers"].read(several) == both
