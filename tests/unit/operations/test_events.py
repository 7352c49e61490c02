"""Events as JSON: the same for event streams, webhooks and bridges."""

from dfks_rules.model.features import FEATURES, NOTHING_STORED, OFF, Feature, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked
from dfks_rules.model.values import Value
from dfks_rules.operations.events import (
    FEATURE_CHANGED,
    FEATURE_REFUSED,
    MAX_FINDINGS,
    POLICIES_CHANGED,
    POLICIES_REFUSED,
    SUBSCRIPTION_ENDED,
    SUBSCRIPTION_STARTED,
    changed,
    policies_changed,
    policies_refused,
    refused,
    subscribed,
    whole,
)
from dfks_rules.operations.ports import Sets
from dfks_rules.presence.subscription import Termination
from tests.helpers.journal import ALICE, MemoryJournal
from tests.helpers.operations import REFUSED_TARGET, MemoryOperations
from tests.helpers.policy import NOON
from tests.helpers.subscription import active

_ON = FeatureState(True)


def test_a_change_is_told_with_all_states_and_who_made_it() -> None:
    """So that a receiver needs nothing else."""
    journal = MemoryJournal()
    journal.add(ALICE)
    now = NOTHING_STORED.replace(Feature.DO_NOT_DISTURB, _ON)
    event = changed(journal.entries, now)
    assert (event.type, event.seq, event.presentity) == (FEATURE_CHANGED, 1, ALICE)
    data = event.data
    assert data["changed"] == [
        {
            "feature": "DoNotDisturb",
            "before": {"status": "off"},
            "after": {"status": "on"},
            "origin": "watcher",
            "actor": ALICE.uri,
            "rule": "p/r",
            "decision": "abc-1",
        }
    ]
    assert list(data["features"]) == [feature.value for feature in FEATURES]
    assert data["features"]["DoNotDisturb"] == {"status": "on"}
    assert (data["revision"], data["actor"]) == (1, ALICE.uri)
    assert data["at"] == "2026-01-05T11:00:01.000+00:00"


def test_where_no_rule_decided_none_is_named() -> None:
    """An empty text would be a rule without a name."""
    journal = MemoryJournal()
    journal.add(ALICE, rule="")
    assert changed(journal.entries, NOTHING_STORED).data["changed"][0]["rule"] is None


async def test_a_refusal_is_told_with_the_rule_and_what_holds() -> None:
    """It is in no journal: nothing has changed."""
    feature = Feature.CALL_FORWARDING_ALWAYS
    asked = Asked(feature, FeatureState(True, ((Value.FORWARD_TO, REFUSED_TARGET),)))
    presentity = Aor("alice", "example.com")
    result = await MemoryOperations().set(Sets(presentity, (asked,)))
    event = refused(result.outcomes[0], "5eed-1", NOON)
    assert (event.type, event.seq, event.presentity) == (FEATURE_REFUSED, 0, presentity)
    assert event.data["asked"] == {"status": "on", "forwardTo": REFUSED_TARGET}
    assert event.data["stored"] == {"status": "on" if OFF.status else "off"}
    assert (event.data["reason"], event.data["rule"]) == ("toll-fraud", "default/no-premium")
    assert event.data["decision"] == "5eed-1"


def test_a_subscription_is_told_with_its_phone_and_why_it_ended() -> None:
    """The words of RFC 6665, and two of ours."""
    subscription = active()
    started = subscribed(subscription, None, NOON)
    assert started.type == SUBSCRIPTION_STARTED
    assert started.data["watcher"] == subscription.watcher.uri
    assert started.data["callId"] == "call-1"
    assert started.data["transport"] == "udp"
    ended = subscribed(subscription, Termination.TIMEOUT, NOON)
    assert (ended.type, ended.data["reason"]) == (SUBSCRIPTION_ENDED, "timeout")
    assert ended.data.keys() - started.data.keys() == {"reason"}


def test_policies_are_about_nobody_and_only_so_many_findings_are_told() -> None:
    """A column that is wrong is wrong in every line."""
    event = policies_changed("5e1f", "files", NOON)
    assert (event.type, event.presentity, event.seq) == (POLICIES_CHANGED, None, 0)
    assert (event.data["revision"], event.data["origin"]) == ("5e1f", "files")
    event = policies_refused("change", ["wrong"] * 500, NOON)
    assert (event.type, event.data["trigger"]) == (POLICIES_REFUSED, "change")
    assert len(event.data["findings"]) == MAX_FINDINGS


def test_what_one_request_changed_is_never_cut_in_two() -> None:
    """Only a request that changed more than a whole portion is told in parts."""
    journal = MemoryJournal()
    for _ in range(3):
        journal.add(ALICE)
    first, second, third = journal.entries
    pair = [second, third._replace(revision=second.revision)]
    assert whole([first, *pair], 3) == [first, *pair]
    assert whole([first, *pair], 2) == [first]
    assert whole(pair, 1) == pair
