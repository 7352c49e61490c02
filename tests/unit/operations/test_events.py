"""Events as JSON: the same for event streams, webhooks and bridges."""

from dfks_rules.model.features import FEATURES, NOTHING_STORED, OFF, Feature, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked
from dfks_rules.model.values import Value
from dfks_rules.operations.events import FEATURE_CHANGED, FEATURE_REFUSED, changed, refused
from dfks_rules.operations.ports import Sets
from tests.helpers.journal import ALICE, MemoryJournal
from tests.helpers.operations import REFUSED_TARGET, MemoryOperations
from tests.helpers.policy import NOON

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
