"""States of switches and of `/v1`."""

import pytest

from dfks_rules.bridges.numbering import numbering_of
from dfks_rules.bridges.states import FEATURES, OFF, CallState, agree, from_server, to_server
from dfks_rules.model.features import Feature

NUMBERING = numbering_of("{ext}@{domain}", "example.com")
DND, CFA, CFB, CFNA = FEATURES
TO_202 = CallState(is_on=True, target="202")


@pytest.mark.parametrize(
    ("feature", "told", "state"),
    [
        (DND, {"status": "on"}, CallState(is_on=True)),
        (DND, {"status": "off"}, OFF),
        (CFA, {"status": "on", "forwardTo": "sip:202@example.com"}, TO_202),
        (CFA, {"status": "off", "forwardTo": "202"}, OFF),
        (CFNA, {"status": "on", "forwardTo": "202", "ringCount": 5}, TO_202._replace(rings=5)),
        (CFB, {"status": "on", "forwardTo": "sip:bob@elsewhere.example"}, None),
        (CFB, {"status": "on"}, None),
    ],
)
def test_what_the_server_has_is_kept_as_far_as_it_can_be(
    feature: Feature, told: dict[str, object], state: CallState | None
) -> None:
    """A target that is off is forgotten; one that cannot be dialled is none."""
    assert from_server(feature, told, NUMBERING) == state


@pytest.mark.parametrize(
    ("feature", "state", "body"),
    [
        (DND, CallState(is_on=True), {"status": "on"}),
        (CFA, OFF, {"status": "off"}),
        (CFA, TO_202._replace(rings=5), {"status": "on", "forwardTo": "202"}),
        (CFNA, TO_202, {"status": "on", "forwardTo": "202"}),
        (
            CFNA,
            TO_202._replace(rings=500),
            {"status": "on", "forwardTo": "202", "ringCount": 100},
        ),
    ],
)
def test_what_the_switch_has_is_set_as_far_as_it_knows(
    feature: Feature, state: CallState, body: dict[str, object]
) -> None:
    """The server keeps the target of a feature that is off."""
    assert to_server(feature, state) == body


def test_rings_that_one_does_not_know_are_no_difference() -> None:
    """Asterisk has no place for them."""
    assert agree(TO_202, TO_202._replace(rings=5))
    assert not agree(TO_202._replace(rings=4), TO_202._replace(rings=5))
    assert not agree(TO_202, OFF)
    assert not agree(TO_202, TO_202._replace(target="203"))
