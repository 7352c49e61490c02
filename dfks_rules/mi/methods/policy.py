"""`policy`: the policies in force."""

from typing import Any

from dfks_rules.mi.registry import Desk, Given, Method
from dfks_rules.mi.values import page


async def list_(desk: Desk, given: Given) -> Any:
    """Which policies are in force."""
    listing = desk.operations.policies()
    rows, more = page(row._asdict() for row in listing.policies)
    result = {"revision": listing.revision, "policies": rows}
    return result | {"more": more} if more else result


METHODS = (
    Method(
        "policy:list",
        (),
        "Lists the policies in force, in order of precedence, and their common revision.",
        ((),),
        {},
        list_,
    ),
)
