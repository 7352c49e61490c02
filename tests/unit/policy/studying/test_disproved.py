"""Warnings that a proof takes back."""

from dfks_rules.errors import Finding
from dfks_rules.policy.lint.findings import check_and_lint
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.disproved import upheld
from tests.helpers.policy import source


def told(*sources: Source) -> tuple[list[str], list[str]]:
    """Codes that lint gives, and those that remain."""
    findings = check_and_lint(sources)[1]
    remain = upheld(findings, sources, Horizon())
    return [one.code for one in findings], [one.code for one in remain]


def file(name: str, user: str, status: int, mode: str = "enforce") -> Source:
    """One rule about users."""
    rule = (
        f"- {{id: r, when: {{op: get, user: {{regex: '{user}'}}}}, then: {{status: {status}}}}}\n"
    )
    top = f"apiVersion: dfks/v1\nkind: Policy\nmetadata: {{name: {name}}}\nmode: {mode}\n"
    return Source(f"{name}.yaml", f"{top}rules:\n{rule}")


def test_a_conflict_of_rules_that_never_meet_is_taken_back() -> None:
    """The order of files changes nothing."""
    assert told(file("a", "[0-4]+", 1), file("b", "[5-9]+", 0)) == (["policy_conflict"], [])


def test_a_conflict_that_one_user_sees_stays() -> None:
    """User `5`."""
    found = ["policy_conflict"]
    assert told(file("a", "[0-5]+", 1), file("b", "[5-9]+", 0)) == (found, found)


def test_conflicts_of_candidates_stay() -> None:
    """They decide nothing yet, so that no proof is about them."""
    found = ["policy_conflict"]
    sources = file("a", "[0-4]+", 1, "shadow"), file("b", "[5-9]+", 0, "shadow")
    assert told(*sources) == (found, found)


def bar(*when: str) -> tuple[list[str], list[str]]:
    """Of a rule that denies."""
    together = ", ".join(("op: set", *when))
    return told(source(f"- {{id: r, when: {{{together}}}, then: {{deny: dear}}}}\n"))


def test_a_bar_is_taken_back_where_nothing_that_switches_off_matches() -> None:
    """What is asked is what is stored, and that is on."""
    same = ("target.self: true", "request.status: {sameAs: stored.status}", "stored.status: 1")
    assert bar(*same) == (["policy_bars_switching_off"], [])


def test_a_bar_of_switching_off_stays() -> None:
    """Also of what a word switches off."""
    found = ["policy_bars_switching_off"]
    assert bar("target.self: true") == (found, found)
    word = ("feature: AgentState", "time: {ge: '18:00'}")
    assert bar(*word) == (found, found)


def test_other_findings_stay() -> None:
    """Nothing is known of them."""
    finding = Finding("p.yaml", 1, 1, "policy_expired", "it has expired", "warning")
    rule = source("- {id: r, when: {op: get, user: bob}, then: {status: 1}}\n")
    assert upheld([finding], [rule], Horizon()) == [finding]
