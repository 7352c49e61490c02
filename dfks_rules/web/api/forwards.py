"""Who forwards calls where."""

from dfks_rules.model.identity import Aor
from dfks_rules.operations.forwards import forward_told, forwards_of
from dfks_rules.operations.turns import Turns
from dfks_rules.policy.site.targets import KINDS, REACHES
from dfks_rules.web.api.imports import take_flag
from dfks_rules.web.caller import Scope
from dfks_rules.web.paging import DEFAULT_LIMIT, LIMIT, after_parameter, cursor, page, page_schema
from dfks_rules.web.parameters import DOMAIN, domains_of
from dfks_rules.web.schemas import AOR, COMPONENTS, FEATURE, TEXT, nullable, record
from dfks_rules.web.table import Answer, Call, Operation, Parameter, Reply, Where

COMPONENTS["Forward"] = record(
    {
        "presentity": AOR,
        "feature": FEATURE,
        "forwardTo": nullable(TEXT) | {"description": "As it is stored."},
        "outside": {
            "type": "boolean",
            "description": "Whether calls leave the domain, or nobody knows where they go.",
        },
        "kind": nullable({"type": "string", "enum": list(KINDS)}),
        "class": nullable(TEXT) | {"description": "As the fact `target.class`."},
        "reach": nullable({"type": "string", "enum": list(REACHES)}),
        "number": nullable(TEXT) | {"description": "In E.164 form."},
        "country": nullable(TEXT) | {"description": "ISO 3166-1 alpha-2."},
    }
)


async def list_(call: Call) -> Answer:
    """The forwards of a page of presentities."""
    given, domains = call.given, domains_of(call)
    limit = given.get("limit", DEFAULT_LIMIT)
    after = Aor(*reversed(given["after"])) if "after" in given else None
    found = await call.operations.page(after, limit + 1, domains, None)
    rows, turns = [], Turns()
    for stored in found[:limit]:
        for forward in forwards_of(call.operations, stored):
            told = forward_told(forward)
            is_meant = given.get("outside", told["outside"]) == told["outside"]
            if is_meant and given.get("class", told["class"]) == told["class"]:
                rows.append(told)
            # Reading a number takes longer than most steps do.
            await turns.rest()
        await turns.step()
    if len(found) <= limit:
        return Answer(page(rows, None))
    last = found[limit - 1].presentity
    return Answer(page(rows, cursor(last.domain, last.user)))


OPERATIONS = (
    Operation(
        "listForwards",
        "GET",
        "/v1/forwards",
        Scope.FEATURES_READ,
        "Lists forwards that are on, with what their targets are by the number plan in force.",
        list_,
        (Reply(200, "A page of the list.", page_schema("Forward")),),
        (
            DOMAIN,
            Parameter(
                "outside",
                Where.QUERY,
                "Only those that leave the domain (`true`), or do not (`false`).",
                {"type": "boolean"},
                take_flag,
            ),
            Parameter(
                "class",
                Where.QUERY,
                "Only targets of this class: `premium`, `international`, …",
                {"type": "string", "minLength": 1, "maxLength": 100},
                lambda text: text[:100],
            ),
            after_parameter(str, str),
            LIMIT,
        ),
        problems=("not-found", "store-unavailable"),
        description="A page holds the forwards of `limit` presentities: it may have more rows, or "
        "none although there is a `next`.",
    ),
)
