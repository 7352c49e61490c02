"""What a switch is told over HTTP, as another reads it from the view."""

from dfks_rules.model.features import NOTHING_STORED, Feature, FeatureState, values_from
from dfks_rules.model.identity import Aor
from dfks_rules.model.values import Value
from dfks_rules.operations.calls import NAMES, calls_told
from tests.helpers.states import forwarding

_ALICE = Aor("alice", "example.com")


def _uri(target: str, domain: str) -> str | None:
    return None if " " in target else f"sip:{target}@{domain}"


def test_who_has_set_nothing_is_called() -> None:
    """Every flag is there, so that a script need not ask whether it is."""
    flags = dict.fromkeys(("dnd", "cfa", "cfb", "cfna"), 0)
    assert calls_told(_ALICE, NOTHING_STORED, _uri) == flags


def test_a_target_has_a_uri_where_it_can_be_called() -> None:
    """And is told in any case, with the rings."""
    snapshot = NOTHING_STORED
    for feature, state in (
        (Feature.DO_NOT_DISTURB, FeatureState(status=True)),
        (Feature.CALL_FORWARDING_ALWAYS, forwarding(True, "201")),
        (Feature.CALL_FORWARDING_BUSY, forwarding(False, "not a target")),
        (
            Feature.CALL_FORWARDING_NO_ANSWER,
            FeatureState(False, values_from({Value.RING_COUNT: 3})),
        ),
    ):
        snapshot = snapshot.replace(feature, state)
    assert calls_told(_ALICE, snapshot, _uri) == {
        "dnd": 1,
        "cfa": 1,
        "cfaTo": "201",
        "cfaUri": "sip:201@example.com",
        "cfb": 0,
        "cfbTo": "not a target",
        "cfna": 0,
        "cfnaRings": 3,
    }


def test_every_forwarding_has_a_name() -> None:
    """A new one would be told to nobody."""
    assert set(NAMES) == {feature for feature in Feature if "Forwarding" in feature.value}
