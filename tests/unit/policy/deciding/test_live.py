"""The active policies, a shadow and spot checks."""

import pytest

from dfks_rules.errors import DfksError, StoreError
from dfks_rules.model.decisions import Decision
from dfks_rules.model.features import NOTHING_STORED, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Operation, Surroundings
from dfks_rules.policy.deciding.live import (
    CHECKED_EVERY,
    MAX_SAMPLES,
    Difference,
    LivePolicies,
    Shadow,
    SpotCheck,
)
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.facts.given import view_of
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.reading.source import Source
from tests.helpers.policy import ALICE, BOB, CFA, DND, NOON, PHONE, get, policies, set_, source
from tests.helpers.states import TOLD, forwarding

OTHERWISE = policies("[]").decide(set_(), NOTHING_STORED, NOON)
ON = "- id: r\n  when: {op: get}\n  then: {status: 1}\n"
SAME_BY_ANOTHER_NAME = ON.replace("id: r", "id: other")


def live(rules: str, shadow: Shadow | None = None) -> tuple[LivePolicies, list[Difference]]:
    """Policies with spot checks, and what it reports."""
    reported: list[Difference] = []
    return LivePolicies(policies(rules), SpotCheck(reported.append), shadow), reported


def test_live_policies_decide_as_the_active_ones() -> None:
    """Whoever looks on changes nothing."""
    observed, _ = live(ON, Shadow(policies("- id: r\n  then: {deny: no}\n")))
    alone = policies(ON)
    for request in (get(), set_()):
        assert observed.decide(request, NOTHING_STORED, NOON) == alone.decide(
            request, NOTHING_STORED, NOON
        )
    asked = (ALICE, PHONE, NOTHING_STORED, NOON)
    assert observed.decide_gets(*asked) == alone.decide_gets(*asked)


def test_shadow_counts_and_keeps_what_differs() -> None:
    """What would happen, before it does."""
    shadow = Shadow(policies("- id: r\n  when: {op: set}\n  then: {deny: no}\n"))
    observed, _ = live("[]", shadow)
    observed.decide_gets(ALICE, PHONE, NOTHING_STORED, NOON)
    observed.decide(set_(), NOTHING_STORED, NOON)
    assert dict(shadow.same) == {(Operation.GET, feature): 1 for feature in TOLD}
    assert dict(shadow.different) == {(Operation.SET, DND): 1}
    (sample,) = shadow.samples
    assert view_of(sample.given).request == set_()
    assert sample.active.denial is None
    assert sample.other is not None
    assert sample.other.denial is not None


def test_samples_have_what_the_files_of_the_active_policies_say() -> None:
    """Without groups, nobody could tell why a rule about groups differs."""
    head = "apiVersion: dfks/v1\nkind: Directory\nmetadata: {name: d}\n"
    users = Source("d.yaml", f"{head}users: {{alice@example.com: {{groups: [sales]}}}}\n")
    active = load([source("- {id: r, when: {groups: {has: sales}}, then: {deny: no}}"), users])
    shadow = Shadow(policies("[]"))
    LivePolicies(active, SpotCheck(print), shadow).decide(set_(), NOTHING_STORED, NOON)
    (sample,) = shadow.samples
    assert sample.given["groups"] == ("sales",)


def test_no_onlooker_reads_what_the_policies_do_not() -> None:
    """A store that fails for another user is nothing to a phone whose rules do not ask."""

    def unavailable(_user: Aor) -> Snapshot:
        raise StoreError("store_unavailable", "disk is gone")

    request = set_(CFA, forwarding(True, BOB.uri))
    shadow = Shadow(policies("- {id: loop, when: {target.loop: true}, then: {deny: loop}}"))
    observed, _ = live(ON, shadow)
    observed.decide(request, NOTHING_STORED, NOON, Surroundings(unavailable))
    assert (shadow.failures, len(shadow.samples)) == (1, 1)
    check = SpotCheck(print)
    view = View(request, NOTHING_STORED, NOON, Surroundings(unavailable))
    check.check(shadow.candidate, view, OTHERWISE)
    assert (check.checks, check.disagreements) == (1, 0)


def test_a_reference_evaluator_that_fails_is_a_disagreement_and_hurts_nobody() -> None:
    """The phone has its answer already."""

    class Broken:
        def decide_by_reference(self, view: View) -> Decision:
            raise ZeroDivisionError

    reported: list[Difference] = []
    check = SpotCheck(reported.append)
    view = View(get(), NOTHING_STORED, NOON)
    check.check(Broken(), view, policies(ON).decide_view(view))
    assert (check.disagreements, reported[0].other) == (1, None)


def test_rules_by_another_name_are_the_same() -> None:
    """Only what phones and the store see counts."""
    shadow = Shadow(policies(SAME_BY_ANOTHER_NAME))
    observed, _ = live(ON, shadow)
    observed.decide(get(), NOTHING_STORED, NOON)
    assert (shadow.same.total(), shadow.different.total()) == (1, 0)


def test_a_shadow_that_fails_is_counted_and_hurts_nobody() -> None:
    """It is a candidate."""
    candidate = policies(ON)
    candidate.close()
    with pytest.raises(DfksError):
        candidate.decide(get(), NOTHING_STORED, NOON)
    shadow = Shadow(candidate)
    observed, _ = live(ON, shadow)
    assert observed.decide(get(), NOTHING_STORED, NOON).state.status
    assert (shadow.failures, shadow.different.total(), shadow.samples[0].other) == (1, 1, None)


def test_samples_are_the_newest_and_bounded() -> None:
    """A candidate that differs everywhere must not fill the memory."""
    shadow = Shadow(policies("- id: r\n  then: {deny: no}\n"))
    observed, _ = live(ON, shadow)
    for number in range(MAX_SAMPLES + 5):
        phone = PHONE._replace(user_agent=str(number))
        observed.decide(get(requester=phone), NOTHING_STORED, NOON)
    assert len(shadow.samples) == MAX_SAMPLES
    assert shadow.samples[-1].given["userAgent"] == str(MAX_SAMPLES + 4)


def test_one_decision_in_a_thousand_is_checked() -> None:
    """For as long as the server lives, and hardly felt."""
    policy_set = policies(ON)
    check = SpotCheck(lambda difference: None)
    observed = LivePolicies(policy_set, check)
    for _ in range(2 * CHECKED_EVERY):
        observed.decide(get(), NOTHING_STORED, NOON)
    assert check.checks == 2
    for _ in range(CHECKED_EVERY // len(TOLD)):
        observed.decide_gets(ALICE, PHONE, NOTHING_STORED, NOON)
    assert (check.checks, check.disagreements) == (2 + len(TOLD), 0)


def test_spot_check_reports_what_the_engine_decides_wrongly() -> None:
    """With the facts, so that it can be looked into."""
    right = policies(ON)
    reported: list[Difference] = []
    check = SpotCheck(reported.append)
    view = View(get(), NOTHING_STORED, NOON)
    # As if the engine had matched nothing.
    mistaken = policies("[]").decide_view(view)._replace(revision=right.revision)
    check.check(right, view, mistaken)
    assert check.disagreements == 1
    (difference,) = reported
    assert difference.active.matched == ()
    assert difference.other is not None
    assert difference.other.matched == ("p/r",)
    assert view_of(difference.given).request == get()
