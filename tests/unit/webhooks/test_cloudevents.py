"""Events as CloudEvents."""

import orjson

from dfks_rules.operations.events import FEATURE_CHANGED, GAP, Event
from dfks_rules.webhooks.cloudevents import TEST, body_of, id_of, type_of
from tests.helpers.journal import ALICE, AT

CHANGED = Event(FEATURE_CHANGED, 7, ALICE, {"decision": "5eed-3", "revision": 2})


def test_a_change_is_named_by_the_start_that_stored_it_and_its_number() -> None:
    """So a restart sends it under the same name."""
    assert id_of(CHANGED, "node") == "5eed-7"


def test_a_change_without_a_decision_is_named_by_the_server() -> None:
    """As those of a restored backup."""
    assert id_of(CHANGED._replace(data={"decision": ""}), "node") == "node-7"


def test_a_gap_has_a_name_of_its_own() -> None:
    """It is none of the changes."""
    assert id_of(Event(GAP, 7, None, {}), "node") == "node-gap-7"


def test_body_is_a_cloudevent() -> None:
    """All attributes that CloudEvents 1.0 requires, and what ours has besides."""
    assert orjson.loads(body_of(CHANGED, "5eed-7", "node", AT)) == {
        "specversion": "1.0",
        "id": "5eed-7",
        "source": "urn:dfks:node:node",
        "type": "dfks.feature.changed.v1",
        "subject": ALICE.uri,
        "time": "2026-01-05T11:00:00.000+00:00",
        "datacontenttype": "application/json",
        "data": CHANGED.data,
    }


def test_an_event_about_all_has_no_subject() -> None:
    """As a test, and a gap."""
    assert "subject" not in orjson.loads(body_of(Event(TEST, 0, None, {}), "x", "node", AT))


def test_types_are_versioned() -> None:
    """The word of the stream of events, as CloudEvents advises to write it."""
    assert type_of("policies-changed") == "dfks.policies.changed.v1"
