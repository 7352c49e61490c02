"""Decisions as entries."""

from dfks_rules.errors import StoreError
from dfks_rules.model.requests import Asked
from dfks_rules.service.feed import Failed, Settled
from dfks_rules.tracing.decided import decided_of
from dfks_rules.tracing.entries import Decided
from tests.helpers.playbook import Playbook
from tests.helpers.policy import ALICE, DND, NOON, ON, OPERATOR, PHONE, policies


def _settled(rules: str) -> Decided:
    """What a phone's set of DND comes to."""
    book = Playbook(policies(rules))
    book.features.set(ALICE, [Asked(DND, ON)], PHONE, NOON, 0.0, lambda *_: None)
    (event,) = (one for one in book.log.events if isinstance(one, Settled))
    return decided_of(event, "call-1", 5.0, "abc")


def test_an_allowed_set_says_what_is_stored_and_told() -> None:
    """With the ids of the rules, and the id for `dfks policy explain`."""
    decided = _settled("- {id: yes, when: {op: set}, then: {status: request}}")
    (one,) = decided.decisions
    assert decided[:5] == (
        5.0,
        "call-1",
        "sip:alice@example.com",
        "sip:alice@example.com",
        "watcher",
    )
    assert one == {
        "id": "abc-1",
        "op": "set",
        "effect": "allow",
        "feature": "DoNotDisturb",
        "asked": {"status": "on"},
        "stored": {"status": "on"},
        "told": {"status": "on"},
        "changed": True,
        "matched": ["p/yes"],
        "policyRevision": one["policyRevision"],
    }


def test_a_refusal_says_by_which_rule() -> None:
    """That is what is looked for."""
    (one,) = _settled(
        "- {id: no, when: {op: set}, then: {deny: {reason: quiet, text: Not now}}}"
    ).decisions
    assert (one["effect"], one["reason"], one["text"], one["rule"]) == (
        "deny",
        "quiet",
        "Not now",
        "p/no",
    )
    assert one["stored"] == {"status": "off"}
    assert not one["changed"]


def test_a_failure_of_the_store_is_told() -> None:
    """A phone that gets 500 is looked into."""
    failed = Failed(ALICE, StoreError("store_unavailable", "disk full"), OPERATOR, 1.0)
    decided = decided_of(failed, "", 5.0, "abc")
    assert decided == Decided(5.0, "", "sip:alice@example.com", None, "operator", (), "disk full")
