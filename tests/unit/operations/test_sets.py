"""What came of features that operators set."""

from dfks_rules.operations.sets import SetResult


def test_decisions_of_one_request_have_consecutive_ids() -> None:
    """Nothing has an id where none was kept."""
    result = SetResult((), "5ea1ed-17", 3)
    assert [result.decision(number) for number in range(2)] == ["5ea1ed-17", "5ea1ed-18"]
    assert SetResult((), "", 3).decision(1) == ""
