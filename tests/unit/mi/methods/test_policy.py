"""The policies in force."""

from dfks_rules.mi.ports import PolicyListing, PolicyRow
from tests.helpers.mi import error, result
from tests.helpers.operations import MemoryOperations


async def test_policies_are_listed_with_their_revision() -> None:
    """The revision is in each decision, so the two can be compared."""
    assert await result(MemoryOperations(), "policy:list") == {
        "revision": "5e1f",
        "policies": [{"file": "policies/default/policy.yaml", "policy": "default", "rules": 1}],
    }


async def test_long_list_says_how_many_are_left() -> None:
    """Cut with a mark, not in silence."""

    class Many(MemoryOperations):
        def policies(self) -> PolicyListing:
            row = PolicyRow("policies/" + "x" * 200, "p", 1)
            return PolicyListing("5e1f", (row,) * 500)

    answer = await result(Many(), "policy:list")
    assert len(answer["policies"]) + answer["more"] == 500


def _operations() -> MemoryOperations:
    operations = MemoryOperations()
    operations.records = [
        {"id": f"ab-{number}", "given": {"presentity": f"sip:{name}@example.com"}}
        for number, name in enumerate(["alice", "bob"])
    ]
    return operations


async def test_decisions_are_told_for_all_or_one_presentity() -> None:
    """What support asks first."""
    every = await result(_operations(), "policy:decisions")
    assert [one["id"] for one in every["decisions"]] == ["ab-0", "ab-1"]
    bobs = await result(_operations(), "policy:decisions", {"presentity": "bob@example.com"})
    assert [one["id"] for one in bobs["decisions"]] == ["ab-1"]


async def test_decisions_are_explained_by_id_or_presentity() -> None:
    """An id has no `@`."""
    for which in ("ab-1", "sip:bob@example.com"):
        explained = await result(_operations(), "policy:explain", {"which": which})
        assert [one["record"]["id"] for one in explained["decisions"]] == ["ab-1"]


async def test_a_decision_that_is_not_kept_is_not_found() -> None:
    """It is too old, or of another server."""
    assert await error(_operations(), "policy:explain", {"which": "ab-9"}) == {
        "code": 404,
        "message": "No such decision",
    }


async def test_many_decisions_say_how_many_are_left() -> None:
    """A datagram holds so much."""
    operations = _operations()
    operations.records = operations.records * 600
    answer = await result(operations, "policy:decisions")
    assert len(answer["decisions"]) + answer["more"] == 1200
    explained = await result(operations, "policy:explain", {"which": "ab-1"})
    assert len(explained["decisions"]) + explained["more"] == 600
