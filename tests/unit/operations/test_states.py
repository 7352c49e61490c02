"""Features in JSON."""

import pytest

from dfks_rules.model.features import Feature, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.operations.states import aor_from, domain_from, state_from, state_json

_BUSY = Feature.CALL_FORWARDING_BUSY
_NO_ANSWER = Feature.CALL_FORWARDING_NO_ANSWER
_AGENT = Feature.AGENT_STATE


@pytest.mark.parametrize("text", ["sip:alice@Example.com:5070;x=1", "sips:alice@example.com"])
def test_an_address_of_record_may_be_written_in_many_ways(text: str) -> None:
    """All of them are the same user."""
    assert aor_from(text) == Aor("alice", "example.com")


@pytest.mark.parametrize("text", ["", "alice", "sip:example.com", "a\nb@c", "x" * 600])
def test_what_is_no_address_of_record_is_refused(text: str) -> None:
    """With a reason."""
    with pytest.raises(ValueError, match=r"."):
        aor_from(text)


@pytest.mark.parametrize("text", ["Example.com", "192.0.2.1", "[2001:DB8::1]", "a_b.example."])
def test_a_domain_is_what_an_address_of_record_has(text: str) -> None:
    """In lower case."""
    assert domain_from(text) == aor_from(f"x@{text}").domain == text.lower()


@pytest.mark.parametrize(
    "text", ["", "\0", "a\ud800b", "a b", "x@a", "a:5060", "a;b", "sip:a", "é.example", "x" * 600]
)
def test_what_is_no_domain_is_refused(text: str) -> None:
    """With a reason."""
    with pytest.raises(ValueError, match=r"."):
        domain_from(text)


def test_values_become_what_the_feature_takes() -> None:
    """A number of rings is a number."""
    state = state_from(_NO_ANSWER, True, [("forwardTo", "201"), ("ringCount", "4")])
    assert state_json(state) == {"status": 1, "forwardTo": "201", "ringCount": 4}


@pytest.mark.parametrize(
    ("feature", "status", "values", "message"),
    [
        (
            _BUSY,
            True,
            [("ringCount", "4")],
            "the feature takes `forwardTo`, not ",
        ),
        (_BUSY, True, [("forwardTo", "1"), ("forwardTo", "2")], "`forwardTo` is given twice"),
        (_NO_ANSWER, True, [("ringCount", "x")], "`ringCount` is `x`, not 1 to 100"),
        (_AGENT, True, [("state", "away")], "`state` is `away`, not one of "),
        (_AGENT, True, [("state", "notReady")], "`state/notReady` does not go with status 1"),
    ],
)
def test_what_does_not_suit_the_feature_is_refused(
    feature: Feature, status: bool, values: list[tuple[str, str]], message: str
) -> None:
    """The message says what would."""
    with pytest.raises(ValueError, match=r".") as refused:
        state_from(feature, status, values)
    assert str(refused.value).startswith(message)


def test_a_state_without_values_is_its_status() -> None:
    """Nothing is invented."""
    assert state_json(FeatureState(False)) == {"status": 0}
