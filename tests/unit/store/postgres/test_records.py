"""What the engine's rows mean."""

from typing import Any

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.model.features import NOTHING_STORED, Deadline
from dfks_rules.model.requests import Origin
from dfks_rules.store.postgres.ports import Moved
from dfks_rules.store.postgres.records import (
    entry_from,
    patch_json,
    snapshot_from,
    told_from,
)
from dfks_rules.store.tables import as_json
from tests.helpers.stored import ALICE, CFA, DND, ON, to

STORED = NOTHING_STORED.replace(DND, ON).replace(CFA, to("sip:bob@example.com"))
ENTRY: dict[str, Any] = {
    "seq": 7,
    "at": 1.5,
    "username": "alice",
    "domain": "example.com",
    "revision": 2,
    "feature": "DoNotDisturb",
    "before": '{"status": false, "values": {}}',
    "after": '{"status": true, "values": {}}',
    "origin": "watcher",
    "actor": "sip:a@b.test",
    "rule": "p/r",
    "decision": "abc-1",
    "tag": None,
}


def test_states_come_back_as_they_were_written() -> None:
    """Features that were never set are off."""
    assert snapshot_from(ALICE, 2, as_json(patch_json(NOTHING_STORED, STORED))) == STORED


def test_a_deadline_comes_back_as_it_was_written() -> None:
    """It is said with the state of its feature, also where only the deadline differs."""
    timed = STORED._replace(deadlines=(Deadline(CFA, 1_800_000_000, "p/r"),))
    assert snapshot_from(ALICE, 2, as_json(patch_json(NOTHING_STORED, timed))) == timed
    later = timed._replace(deadlines=(Deadline(CFA, 1_800_000_001, "p/r"),))
    for before, after in ((timed, later), (later, STORED)):
        patch = patch_json(before, after)
        assert patch.keys() == {CFA.value}
        stored = {**patch_json(NOTHING_STORED, before), **patch}
        assert snapshot_from(ALICE, 2, as_json(stored)) == after


def test_what_a_newer_release_has_written_is_left_out() -> None:
    """A feature, and a value; the rest is known."""
    states = """{"Newer": 1, "DoNotDisturb": {"status": true, "values": {"until": "noon"}}}"""
    assert snapshot_from(ALICE, 1, states) == NOTHING_STORED.replace(DND, ON)
    assert entry_from(ENTRY | {"feature": "Newer"}) is None
    assert entry_from(ENTRY | {"origin": "newer"}) is None
    entry = entry_from(ENTRY | {"after": '{"status": true, "values": {"until": "noon"}, "x": 1}'})
    assert entry is not None
    assert (entry.after, entry.origin, entry.presentity) == (ON, Origin.WATCHER, ALICE)


@pytest.mark.parametrize(
    "said",
    ["[]", '{"DoNotDisturb": []}', '{"DoNotDisturb": {}}', '{"DoNotDisturb": {"status": true}}'],
)
def test_a_spoilt_state_is_an_error_of_the_store(said: str) -> None:
    """Another program wrote it."""
    with pytest.raises(StoreError, match=r"`dfks\.presentity` is spoilt"):
        snapshot_from(ALICE, 1, said)
    with pytest.raises(StoreError, match=r"`dfks\.change` is spoilt"):
        entry_from(ENTRY | {"before": '{"status": 1, "values": 2}'})


def test_the_feed_tells_of_changes_and_of_moves() -> None:
    """A row with a tag is a move."""
    assert told_from({"tag": b"t", "epoch": 3, "seq": 9, "number": 12}) == Moved(3, 9, b"t", 12)
    told = told_from(ENTRY | {"epoch": 3, "stored": 4, "states": "{}", "tells": False})
    assert told is not None
    assert told == (3, entry_from(ENTRY), False, NOTHING_STORED._replace(revision=4))
    assert told_from(ENTRY | {"feature": "Newer"}) is None
