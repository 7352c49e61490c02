"""A comparison as operators are told of it."""

from datetime import timedelta

from dfks_rules.app.desk.rulesets import bring_in
from dfks_rules.app.desk.shadow import Shadowing, report
from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.deciding.live import LivePolicies, Shadow, SpotCheck
from dfks_rules.policy.deciding.matching import Shards
from dfks_rules.policy.facts.view import View
from tests.helpers.policy import NOON, get, policies, set_, source, subscribe


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


async def test_one_candidate_at_a_time_is_compared_and_closed_at_the_end() -> None:
    """Nothing of it stays in the engine."""
    live, shards = LivePolicies(policies("[]"), SpotCheck(lambda _: None)), Shards()
    shadowing = Shadowing(live, shards)
    assert shadowing.row is None
    for path, status in (("first", 0), ("second", 1)):
        text = f"- {{id: r, when: {{op: set}}, then: {{status: {status}}}}}"
        candidate = await bring_in(compile_policies([source(text)]), shards)
        await shadowing.begin(candidate, path, NOON)
    live.decide(set_(), NOTHING_STORED, NOON)
    assert len(shards) == 1
    assert shadowing.row is not None
    assert (shadowing.row.path, shadowing.row.revision) == ("second", candidate.revision)
    assert sum(shadowing.counts.values()) == 1
    await shadowing.end()
    assert (len(shards), shadowing.row, sum(shadowing.counts.values())) == (0, None, 0)


async def test_since_when_it_is_compared_is_told_anew_with_other_policies() -> None:
    """What was counted before was about policies that decide no more."""
    live, shards = LivePolicies(policies("[]"), SpotCheck(lambda _: None)), Shards()
    shadowing = Shadowing(live, shards)
    await shadowing.begin(await bring_in(compile_policies([]), shards), "candidate", NOON)
    shadowing.begin_anew(NOON + timedelta(hours=1))
    assert shadowing.row is not None
    assert shadowing.row.since == "2026-01-05T13:00:00+00:00"
