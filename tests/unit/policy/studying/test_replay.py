"""Recorded and stored requests, decided once more."""

import json

import pytest

from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.model.requests import Operation
from dfks_rules.policy.facts.given import given_of, view_of
from dfks_rules.policy.studying.replay import recorded, stored_as_sets
from tests.helpers.policy import ALICE, CFA, NOON
from tests.helpers.states import forwarding

GIVEN = {"op": "set", "feature": "CallForwardingAlways", "request.status": 1, "user": "bob"}


def test_a_record_gives_back_its_request() -> None:
    """What is replayed is what was asked."""
    view = view_of(GIVEN)
    assert recorded(json.dumps({"id": "1", "given": given_of(view)}).encode()) == view


def test_a_record_with_groups_gives_back_its_request() -> None:
    """Every record of a site with a directory has them, and JSON has no tuples."""
    view = view_of({**GIVEN, "groups": ["export", "sales"]})
    again = recorded(json.dumps({"given": given_of(view)}).encode())
    assert given_of(again) == given_of(view)
    assert given_of(again)["groups"] == ("export", "sales")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"nonsense", "not JSON"),
        (b"[]", "record has no `given`"),
        (b'{"given": 7}', "record has no `given`"),
        (b'{"given": {"op": "set"}}', "record has no `feature`"),
        (b'{"given": {"opp": 1}}', "unknown fact `opp` (did you mean `op`?)"),
        (
            b'{"given": {"op": "get", "feature": "DoNotDisturb", "presentity": 7}}',
            "`presentity` cannot be `7`",
        ),
        (
            b'{"given": {"op": "set", "feature": "DoNotDisturb", "request.status": "1"}}',
            "`request.status` cannot be `1`",
        ),
        (
            b'{"given": {"op": "get", "feature": "DoNotDisturb", "origin": "operator", '
            b'"device": "x"}}',
            "`device` does not go with the other facts",
        ),
        (
            b'{"given": {"op": "subscribe", "groups": "sales"}}',
            "`groups` cannot be `sales`: it is a list of names",
        ),
        (
            b'{"given": {"op": "subscribe", "groups": [1]}}',
            "`groups` cannot be `[1]`: it is a list of names",
        ),
        (b'{"given": {"op": []}}', "`op` cannot be `[]`"),
        (b'{"given": {"op": "sett"}}', "`op` cannot be `sett`"),
        (b'{"given": {"op": "get", "feature": "DND"}}', "`feature` cannot be `DND`"),
    ],
)
def test_what_is_no_record_is_told_in_plain_words(line: bytes, message: str) -> None:
    """A log has cut lines and lines of other versions; none may end the replay."""
    with pytest.raises(ValueError, match=r".*") as caught:
        recorded(line)
    assert str(caught.value) == message


def test_what_is_stored_is_asked_for_by_the_presentitys_own_phone() -> None:
    """Only features that are on: to turn one off is always harmless."""
    state = forwarding(True, "sip:bob@example.com")
    snapshot = NOTHING_STORED.replace(CFA, state)
    (view,) = stored_as_sets(ALICE, snapshot, NOON)
    assert (view.request.operation, view.request.feature) == (Operation.SET, CFA)
    assert view.request.asked == state
    assert view.request.requester.watcher == ALICE
    assert view.snapshot == snapshot
