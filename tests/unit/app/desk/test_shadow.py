"""A comparison as operators are told of it."""

from dfks_rules.app.desk.shadow import report
from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.policy.deciding.live import Shadow
from dfks_rules.policy.facts.view import View
from tests.helpers.policy import NOON, get, policies, set_, subscribe


def test_report_names_what_was_asked_and_shows_the_newest_first() -> None:
    """Readable without the code at hand."""
    active = policies("- id: r\n  when: {op: set}\n  then: {deny: no}\n")
    shadow = Shadow(policies("- id: s\n  when: {op: set}\n  then: {deny: never}\n"))
    for request in (get(), subscribe(), set_(), set_()._replace(presentity=get().presentity)):
        view = View(request, NOTHING_STORED, NOON)
        shadow.compare(view, active.decide_view(view))
    row = report(shadow, "candidate", NOON)
    assert row.same == {"get DoNotDisturb": 1, "subscribe": 1}
    assert row.different == {"set DoNotDisturb": 2}
    assert row.since == "2026-01-05T12:00:00+00:00"
    assert row.samples[0]["active"]["reason"] == "no"
    assert row.samples[0]["shadow"]["reason"] == "never"
    assert row.samples[0]["given"]["op"] == "set"


def test_sets_that_would_follow_are_shown() -> None:
    """Where that is all that differs, else nobody would see why."""
    also = "{also: [{feature: DoNotDisturb, user: bob, status: request}]}"
    candidate = policies(f"- id: r\n  when: {{op: set, user: alice}}\n  then: {also}\n")
    shadow = Shadow(candidate)
    view = View(set_(), NOTHING_STORED, NOON)
    shadow.compare(view, policies("[]").decide_view(view))
    (sample,) = report(shadow, "candidate", NOON).samples
    assert sample["active"]["also"] == []
    assert sample["shadow"]["also"][0]["presentity"] == "sip:bob@example.com"
