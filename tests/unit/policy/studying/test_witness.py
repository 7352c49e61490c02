"""Requests that tell two sets of policies apart."""

import os
import subprocess
import sys
from itertools import islice

from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.policy.facts.facts import FACTS
from dfks_rules.policy.facts.given import view_of
from dfks_rules.policy.studying.witness import Witness, smallest, witness_of, witnesses
from tests.helpers.policy import policies
from tests.helpers.published import ROOT

BARRED = """
- id: barred
  when: {op: set, feature: CallForwardingAlways, request.forwardTo: {prefix: "+900"}}
  unless: {user: {glob: "boss-[0-9]"}}
  then: {deny: toll-fraud}
"""


def views(policy_set: PolicySet) -> list[Witness]:
    """The first thousand."""
    return list(islice(witnesses(policy_set.rules, ()), 1_000))


def test_a_rule_gets_a_request_that_matches_it() -> None:
    """Otherwise nothing that it does could be seen."""
    policy_set = policies(BARRED)
    matching = [one for one in views(policy_set) if policy_set.decide_view(one.view).denial]
    assert matching[0].given["request.forwardTo"] == "+9000"
    policy_set.close()


def test_what_the_rule_spares_is_tried_too() -> None:
    """The edge of a rule is where a change shows."""
    policy_set = policies(BARRED)
    targets = {one.given.get("request.forwardTo") for one in views(policy_set)}
    users = {one.given.get("user") for one in views(policy_set)}
    assert {"+900", "+90", None} <= targets
    assert {"boss-0", "boss-0x"} <= users
    policy_set.close()


def test_several_tests_of_one_fact_are_met_together() -> None:
    """No constant alone starts with one text and ends with another."""
    policy_set = policies("""
    - id: one
      when: {op: set, request.forwardTo: {prefix: "+49", suffix: "@gw", has: "77"}}
      then: {deny: "no"}
    """)
    assert any(policy_set.decide_view(one.view).denial for one in views(policy_set))
    policy_set.close()


def test_a_day_and_an_hour_of_it_are_met_together() -> None:
    """A moment that is tried for its hour is another day's."""
    policy_set = policies(
        """
    - id: one
      when: {op: subscribe, date: {lt: "2026-01-05"}, time: {during: night}}
      then: {deny: closed}
    """,
        'schedules: {night: {weekly: ["Daily 22:00-08:00"]}}',
    )
    decided = [policy_set.decide_view(one.view) for one in views(policy_set)]
    assert "closed" in {one.denial.reason for one in decided if one.denial}
    policy_set.close()


def test_facts_that_must_be_the_same_are_made_so() -> None:
    """`sameAs` compares what no constant says."""
    policy_set = policies("""
    - id: one
      when: {op: set, device: {sameAs: userAgent}, userAgent: {prefix: Yea}}
      then: {deny: "no"}
    """)
    assert any(policy_set.decide_view(one.view).denial for one in views(policy_set))
    policy_set.close()


def test_the_order_is_the_same_each_time_and_nothing_comes_twice() -> None:
    """A report that changes by itself cannot be compared with yesterday's."""
    policy_set = policies(BARRED)
    first, second = views(policy_set), views(policy_set)
    assert first == second
    assert len({one.view for one in first}) == len(first)
    policy_set.close()


def test_every_witness_can_be_pasted_into_a_case() -> None:
    """What is given makes the very request that was tried."""
    policy_set = policies(BARRED)
    for one in views(policy_set):
        assert view_of(one.given) == one.view
        assert witness_of(one.given) == one
    policy_set.close()


def test_facts_that_others_rule_out_are_left_out() -> None:
    """An operator has no device."""
    witness = witness_of(
        {"op": "set", "feature": "DoNotDisturb", "request.status": 1}
        | {"origin": "operator", "device": "x"}
    )
    assert witness is not None
    assert "device" not in witness.given


def test_no_request_is_no_witness() -> None:
    """A set without a status is none."""
    assert witness_of({"op": "set", "feature": "DoNotDisturb"}) is None


def test_the_smallest_keeps_only_what_is_needed() -> None:
    """The reader sees at a glance what it takes."""
    big = witness_of({"op": "get", "feature": "DoNotDisturb", "user": "bob", "time": "08:00"})
    assert big is not None
    assert smallest(big, lambda one: one.given.get("user") == "bob").given == {
        "op": "get",
        "feature": "DoNotDisturb",
        "user": "bob",
    }


_IN_ANOTHER_PROCESS = """
from itertools import islice
from dfks_rules.policy.studying.witness import witnesses
from tests.helpers.policy import policies
rules = policies('''
- id: a
  when:
    all: [{user: [a, c, e, g, i]}, {user: [b, d, e, f, h]}, {user: {ne: x}}]
    watcher: {sameAs: presentity}
  then: {deny: "no"}
''').rules
for one in islice(witnesses(rules, ()), 300):
    print(one.given)
"""


def test_every_process_makes_the_same_requests() -> None:
    """Sets of Python have another order in each process; a report must not."""
    printed = [
        subprocess.run(
            [sys.executable, "-c", _IN_ANOTHER_PROCESS],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    ]
    assert len(printed[0].splitlines()) > 50
    assert len(set(printed)) == 1


def test_a_witness_has_no_more_numbers_than_it_takes() -> None:
    """The riskiest one stays, as it is always among them."""
    given = {"op": "set", "feature": "CallForwardingBusy", "request.status": 1}
    numbers = ("+49301", "+49302", "+88216")
    given |= {"request.forwardTo": "1", "target.number": numbers[0], "target.numbers": numbers}
    witness = witness_of(given)
    assert witness is not None

    def tells(one: Witness) -> bool:
        number, every = (FACTS[f"target.number{end}"].read(one.view) for end in ("", "s"))
        return number == numbers[0] and isinstance(every, tuple) and "+88216" in every

    assert smallest(witness, tells).given["target.numbers"] == ("+49301", "+88216")
