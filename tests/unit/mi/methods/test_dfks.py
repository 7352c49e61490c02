"""Setting and getting features."""

from typing import Any

import pytest

from dfks_rules.mi.errors import INVALID_PARAMS
from dfks_rules.model.features import Feature
from dfks_rules.model.identity import Aor
from dfks_rules.model.values import Value
from tests.helpers.mi import error, result
from tests.helpers.operations import REFUSED_TARGET, MemoryOperations
from tests.helpers.states import agent, forwarding

_ALICE = Aor("alice", "example.com")
_NO_ANSWER = ["sip:alice@example.com", "CallForwardingNoAnswer", "1", "param"]


async def test_set_with_values_stores_them() -> None:
    """This is the call in the presence_dfks README."""
    operations = MemoryOperations()
    values = ["ringCount/4", "forwardTo/sip:bob@10.0.0.11"]
    assert await result(operations, "dfks_set_feature", [*_NO_ANSWER, values]) == "OK"
    assert operations.states[_ALICE].state(Feature.CALL_FORWARDING_NO_ANSWER) == forwarding(
        True, "sip:bob@10.0.0.11", 4
    )
    assert operations.params == ["param"]


async def test_value_may_hold_a_slash() -> None:
    """Only the first one ends the field."""
    operations = MemoryOperations()
    await result(operations, "dfks_set_feature", [*_NO_ANSWER, ["forwardTo/sip:a/b@example.com"]])
    state = operations.states[_ALICE].state(Feature.CALL_FORWARDING_NO_ANSWER)
    assert state.value(Value.FORWARD_TO) == "sip:a/b@example.com"


async def test_unknown_feature_is_error_400() -> None:
    """The code and the words of OpenSIPS."""
    params = ["sip:alice@example.com", "CallWaiting", 1]
    assert await error(MemoryOperations(), "dfks_set_feature", params) == {
        "code": 400,
        "message": "Unknown feature",
    }


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (["ringCount"], "values: `ringCount` is not `field/value`"),
        (["forwardTo/"], "values: `forwardTo/` is not `field/value`"),
        (["/x"], "values: the feature takes `forwardTo` or `ringCount`, not ``"),
        (["hue/1"], "values: the feature takes `forwardTo` or `ringCount`, not `hue`"),
        (["ringCount/0"], "values: `ringCount` is `0`, not 1 to 100"),
        (["ringCount/101"], "values: `ringCount` is `101`, not 1 to 100"),
        (["ringCount/four"], "values: `ringCount` is `four`, not 1 to 100"),
        (["ringCount/4"] * 12, "values: `ringCount` is given twice"),
    ],
)
async def test_values_that_do_not_fit_are_refused_with_a_reason(
    values: list[str], reason: str
) -> None:
    """OpenSIPS answers 500, and dies of twelve."""
    operations = MemoryOperations()
    failed = await error(operations, "dfks_set_feature", [*_NO_ANSWER, values])
    assert failed == {"code": INVALID_PARAMS, "message": "Invalid params", "data": reason}
    assert not operations.states


async def test_do_not_disturb_takes_no_values() -> None:
    """A forward target for it would be lost in silence."""
    params = ["sip:alice@example.com", "DoNotDisturb", 1, "param", ["forwardTo/sip:b@c"]]
    failed = await error(MemoryOperations(), "dfks_set_feature", params)
    assert failed["data"] == "values: the feature takes no values, not `forwardTo`"


@pytest.mark.parametrize("method", ["dfks_set_feature", "dfks:set_feature"])
async def test_refusal_by_policy_is_error_403_with_the_reason(method: str) -> None:
    """OpenSIPS says OK before its route has run."""
    params = {
        "presentity": "sip:alice@example.com",
        "feature": "CallForwardingAlways",
        "status": 1,
        "values": [f"forwardTo/{REFUSED_TARGET}"],
    }
    failed = await error(MemoryOperations(), method, params)
    assert failed["code"] == 403
    assert failed["message"] == "Forwarding there is not allowed"
    assert failed["data"]["reason"] == "toll-fraud"
    assert failed["data"]["rule"] == "default/no-premium"
    assert failed["data"]["stored"] == {"status": 0}


async def test_set_by_our_own_name_says_what_was_decided() -> None:
    """The operator sees the change and the rules behind it."""
    params: list[Any] = ["alice@example.com", "DoNotDisturb", 1]
    operations = MemoryOperations()
    decided = await result(operations, "dfks:set_feature", params)
    assert decided == {
        "presentity": "sip:alice@example.com",
        "feature": "DoNotDisturb",
        "changed": True,
        "before": {"status": 0},
        "after": {"status": 1},
        "also": [],
        "decision": {
            "effect": "allow",
            "assigned": True,
            "notify": "all",
            "matched": [],
            "decided_by": {},
            "revision": "5e1f",
        },
    }
    assert not (await result(operations, "dfks:set_feature", params))["changed"]


async def test_get_tells_all_features_in_order() -> None:
    """Stored beside told, since a policy may change what is told."""
    operations = MemoryOperations()
    await result(operations, "dfks_set_feature", [*_NO_ANSWER, ["ringCount/4"]])
    answer = await result(operations, "dfks:get_features", ["sip:alice@example.com"])
    assert [item["feature"] for item in answer["features"]] == [
        feature.value for feature in Feature
    ]
    assert answer["features"][3]["stored"] == {"status": 1, "ringCount": 4}
    assert answer["features"][3]["told"] == {"status": 1, "ringCount": 4}


async def test_presentity_that_is_no_address_is_told() -> None:
    """Nothing is stored under a name that no phone can have."""
    failed = await error(MemoryOperations(), "dfks_set_feature", ["alice", "DoNotDisturb", 1])
    assert failed["code"] == INVALID_PARAMS
    assert failed["data"].startswith("presentity: ")


AGENT = ["sip:alice@example.com", "AgentState"]


async def test_an_agent_is_set_by_status_or_by_word() -> None:
    """`status` is required as for every feature, and means what the word does."""
    operations = MemoryOperations()
    values = ["state/notReady", "agentId/4711", "reason/10"]
    await result(operations, "dfks_set_feature", [*AGENT, 0, "param", values])
    stored = operations.states[_ALICE].state(Feature.AGENT_STATE)
    assert stored == agent("notReady", "4711", "10")


@pytest.mark.parametrize(
    ("status", "values", "reason"),
    [
        (1, ["state/notReady"], "values: `state/notReady` does not go with status 1"),
        (0, ["state/ready"], "values: `state/ready` does not go with status 0"),
        (0, ["state/loggedOff", "reason/1"], "values: `reason` goes only with `state/notReady`"),
        (1, ["reason/1"], "values: `reason` goes only with `state/notReady`"),
    ],
)
async def test_words_that_contradict_are_refused(
    status: int, values: list[str], reason: str
) -> None:
    """An operator's slip must not log an agent off."""
    operations = MemoryOperations()
    failed = await error(operations, "dfks_set_feature", [*AGENT, status, "param", values])
    assert failed == {"code": INVALID_PARAMS, "message": "Invalid params", "data": reason}
    assert not operations.states


async def test_an_unknown_word_is_refused_with_those_there_are() -> None:
    """The operator need not look them up."""
    params = [*AGENT, 0, "param", ["state/busy"]]
    failed = await error(MemoryOperations(), "dfks_set_feature", params)
    assert "notReady" in failed["data"]
