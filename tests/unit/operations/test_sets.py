"""Sets of operators, and what came of them."""

from dfks_rules.model.features import Feature, FeatureState
from dfks_rules.model.requests import Asked
from dfks_rules.operations.sets import SetResult, Sets
from tests.helpers.journal import ALICE
from tests.helpers.operations import MemoryOperations


async def test_each_outcome_has_the_decision_that_follows_the_first() -> None:
    """One id is told, the others are counted on from it."""
    on = FeatureState(True)
    asked = (Asked(Feature.DO_NOT_DISTURB, on), Asked(Feature.CALL_FORWARDING_BUSY, on))
    result = await MemoryOperations().set(Sets(ALICE, asked))
    assert len(result.outcomes) == 2
    assert [result.decision(number) for number in range(2)] == ["5eed-1", "5eed-2"]


def test_a_decision_that_was_not_kept_has_no_id() -> None:
    """Never one that leads to another's."""
    assert SetResult((), "", 7).decision(1) == ""
