"""The policies in force."""

from dfks_rules.mi.ports import PolicyListing, PolicyRow
from tests.helpers.mi import result
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
