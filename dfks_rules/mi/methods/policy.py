"""`policy`: the policies in force."""

from typing import Any

from dfks_rules.mi.errors import NOT_FOUND, CallError
from dfks_rules.mi.registry import Desk, Given, Method, Parameter
from dfks_rules.mi.values import page, take_aor, take_text
from dfks_rules.model.identity import Aor


async def list_(desk: Desk, given: Given) -> Any:
    """Which policies are in force."""
    listing = desk.operations.policies()
    rows, more = page(row._asdict() for row in listing.policies)
    result = {"revision": listing.revision, "policies": rows}
    return result | {"more": more} if more else result


async def decisions(desk: Desk, given: Given) -> Any:
    """What was decided last."""
    rows, more = page(desk.operations.latest_decisions(given.get("presentity")))
    result: dict[str, Any] = {"decisions": rows}
    return result | {"more": more} if more else result


async def explain(desk: Desk, given: Given) -> Any:
    """Why it was decided so."""
    explained, more = page(desk.operations.explain_decisions(given["which"]))
    if not explained:
        raise CallError(NOT_FOUND, "No such decision")
    result: dict[str, Any] = {"decisions": explained}
    return result | {"more": more} if more else result


def _take_which(value: Any) -> Aor | str:
    """A presentity, or the id of a decision, which has no `@`."""
    text = take_text(value)
    return take_aor(text) if "@" in text else text


METHODS = (
    Method(
        "policy:list",
        (),
        "Lists the policies in force, in order of precedence, and their common revision.",
        ((),),
        {},
        list_,
    ),
    Method(
        "policy:decisions",
        (),
        "Tells the last decisions, the newest first, each with the facts it was made on.",
        ((), ("presentity",)),
        {"presentity": Parameter(take_aor, "Only decisions about this presentity.")},
        decisions,
    ),
    Method(
        "policy:explain",
        (),
        "Tells which rules matched and decided, and why the others did not match.",
        (("which",),),
        {"which": Parameter(_take_which, "Id of a decision, or a presentity for its last ones.")},
        explain,
    ),
)
