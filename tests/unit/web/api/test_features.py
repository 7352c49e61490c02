"""Features are set as an operator sets them."""

import pytest

from dfks_rules.model.features import Feature
from dfks_rules.model.identity import Aor
from tests.helpers.operations import REFUSED_TARGET, MemoryOperations
from tests.helpers.web import api

_ALICE = "/v1/presentities/sip:alice@example.com"
_DND, _CFA = f"{_ALICE}/features/DoNotDisturb", f"{_ALICE}/features/CallForwardingAlways"
_ON = {"status": "on"}
_PREMIUM = {"status": "on", "forwardTo": REFUSED_TARGET}


async def test_a_set_says_what_came_of_it() -> None:
    """The new state, the revision, and the decision."""
    operations = MemoryOperations()
    async with api(operations) as web:
        got = await web.ask("PUT", _CFA, {"status": "on", "forwardTo": "201"}, Dfks_Param="t-7")
        assert (got.status, got.headers["ETag"]) == (200, '"1"')
        result = got.json["result"]
        assert result["stored"] == {"status": "on", "forwardTo": "201"}
        assert (result["changed"], result["refused"]) == (True, None)
        assert result["decision"]["id"] == "5eed-1"
    assert operations.params == ["t-7"]


async def test_a_refused_set_is_403_with_the_rule_and_what_holds() -> None:
    """The caller's mistake is another kind than an answer of the policies."""
    async with api(MemoryOperations()) as web:
        got = await web.ask("PUT", _CFA, _PREMIUM)
        assert (got.status, got.kind) == (403, "refused-by-policy")
        told = got.json
        assert (told["rule"], told["reason"]) == ("default/no-premium", "toll-fraud")
        assert told["stored"] == {"status": "off"}
        assert told["policyRevision"] == "5e1f"


async def test_a_stale_if_match_is_412_and_nothing_happens() -> None:
    """Two operators, one key."""
    operations = MemoryOperations()
    async with api(operations) as web:
        assert (await web.ask("PUT", _DND, _ON, If_Match='"0"')).status == 200
        got = await web.ask("PUT", _DND, {"status": "off"}, If_Match='"0"')
        assert (got.status, got.kind, got.headers["ETag"]) == (412, "changed-meanwhile", '"1"')
    state = operations.states[Aor("alice", "example.com")].state(Feature.DO_NOT_DISTURB)
    assert state.status


@pytest.mark.parametrize("etag", ["7", 'W/"7"', '""', "*", '"1","2"'])
async def test_an_if_match_that_is_no_revision_is_refused(etag: str) -> None:
    """Never taken for one that fits."""
    async with api(MemoryOperations()) as web:
        assert (await web.ask("PUT", _DND, _ON, If_Match=etag)).kind == "bad-parameter"


async def test_a_value_of_another_feature_is_422() -> None:
    """The message says what it would take."""
    async with api(MemoryOperations()) as web:
        got = await web.ask("PUT", _DND, {"status": "on", "forwardTo": "201"})
        assert (got.status, got.kind) == (422, "value-not-of-feature")
        assert "DoNotDisturb: the feature takes no values" in got.json["detail"]


async def test_several_sets_are_decided_one_by_one() -> None:
    """What is refused does not hold up the others."""
    async with api(MemoryOperations()) as web:
        body = {"DoNotDisturb": _ON, "CallForwardingAlways": _PREMIUM}
        got = await web.ask("PATCH", _ALICE, body)
        results = got.json["results"]
        assert [one["feature"] for one in results] == list(body)
        assert [one["changed"] for one in results] == [True, False]
        assert results[1]["refused"]["rule"] == "default/no-premium"


async def test_strict_sets_are_all_or_nothing() -> None:
    """`Prefer: handling=strict`."""
    operations = MemoryOperations()
    async with api(operations) as web:
        body = {"DoNotDisturb": _ON, "CallForwardingAlways": _PREMIUM}
        got = await web.ask("PATCH", _ALICE, body, Prefer="handling=strict")
        assert (got.status, got.kind) == (403, "refused-by-policy")
        assert got.json["feature"] == "CallForwardingAlways"
        assert (await web.ask("GET", _ALICE)).headers["ETag"] == '"0"'
