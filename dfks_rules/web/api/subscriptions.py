"""Phones that watch."""

from dfks_rules.operations.ports import Place, SubscriptionRow
from dfks_rules.web.caller import Scope
from dfks_rules.web.paging import DEFAULT_LIMIT, LIMIT, after_parameter, cursor, page, page_schema
from dfks_rules.web.parameters import PRESENTITY
from dfks_rules.web.table import Answer, Call, Operation, Reply


async def list_(call: Call) -> Answer:
    """One page of them, in no order that means something."""
    given = call.given
    found = await call.operations.subscription_page(
        given.get("presentity"),
        call.caller.domains,
        Place(*given.get("after", ())),
        given.get("limit", DEFAULT_LIMIT),
    )
    return Answer(page([_told(row) for row in found.rows], found.next and cursor(*found.next)))


def _told(row: SubscriptionRow) -> dict[str, str | int]:
    return {
        "presentity": row.presentity,
        "watcher": row.watcher,
        "callId": row.call_id,
        "expires": row.expires,
        "contact": row.contact,
        "event": row.event,
        "transport": row.transport,
        "proof": row.proof,
    }


OPERATIONS = (
    Operation(
        "listSubscriptions",
        "GET",
        "/v1/subscriptions",
        Scope.SUBSCRIPTIONS_READ,
        "Lists live subscriptions.",
        list_,
        (Reply(200, "A page of the list.", page_schema("Subscription")),),
        (PRESENTITY, after_parameter(int, int, str), LIMIT),
        description="Where a token sees some domains only, a page may have fewer rows than "
        "`limit`, or none: read on while there is a `next`. A subscription that is refreshed "
        "while you read may come twice.",
    ),
)
