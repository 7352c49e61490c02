"""States and outcomes as JSON."""

import pytest

from dfks_rules.model.features import Feature, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked
from dfks_rules.model.values import Value
from dfks_rules.operations.ports import SetResult, Sets
from dfks_rules.web.binding import check
from dfks_rules.web.problem import Problem
from dfks_rules.web.schemas import ref
from dfks_rules.web.states import presentity_told, refused, result_told, state_asked
from tests.helpers.operations import REFUSED_TARGET, MemoryOperations

_ALICE = Aor("alice", "example.com")
_CFA = Feature.CALL_FORWARDING_ALWAYS


async def _set(target: str) -> tuple[SetResult, MemoryOperations]:
    operations = MemoryOperations()
    asked = Asked(_CFA, FeatureState(True, ((Value.FORWARD_TO, target),)))
    return await operations.set(Sets(_ALICE, (asked,))), operations


def test_a_state_is_taken_as_it_is_told() -> None:
    """`on` or `off`, and the values by name."""
    state = state_asked(_CFA, {"status": "on", "forwardTo": "201"})
    assert (state.status, state.by_name) == (True, {"forwardTo": "201"})


def test_a_value_of_another_feature_is_refused() -> None:
    """It says which feature does not take it."""
    with pytest.raises(Problem, match="value-not-of-feature: DoNotDisturb") as wrong:
        state_asked(Feature.DO_NOT_DISTURB, {"status": "on", "forwardTo": "201"})
    assert wrong.value.status == 422


async def test_a_result_and_a_presentity_fit_their_schemas() -> None:
    """What is told is what the document promises."""
    result, operations = await _set("201")
    check("result", ref("Result"), result_told(result, 0))
    told = presentity_told(_ALICE, operations.states[_ALICE])
    check("presentity", ref("Presentity"), told)
    assert told["features"]["CallForwardingAlways"] == {"status": "on", "forwardTo": "201"}


async def test_a_refusal_says_why_and_what_holds() -> None:
    """So that nobody has to ask again."""
    result, _ = await _set(REFUSED_TARGET)
    problem = refused(result)
    assert (problem.kind, problem.headers["ETag"]) == ("refused-by-policy", '"0"')
    body = problem.body
    assert (body["reason"], body["rule"]) == ("toll-fraud", "default/no-premium")
    assert (body["stored"], body["decision"]) == ({"status": "off"}, "5eed-1")
    told = result_told(result, 0)
    check("refused", ref("Result"), told)
    assert (told["changed"], told["refused"]["reason"]) == (False, "toll-fraud")
