"""Users whose features are kept."""

from dfks_rules.model.identity import Aor
from dfks_rules.operations.calls import calls_told
from dfks_rules.operations.coming import DEFAULT_HOURS, coming_told
from dfks_rules.operations.turns import Turns
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.studying.coming import MAX_HOURS
from dfks_rules.web.caller import Scope
from dfks_rules.web.paging import DEFAULT_LIMIT, LIMIT, after_parameter, cursor, page, page_schema
from dfks_rules.web.parameters import AOR, DOMAIN, IF_NONE_MATCH, domains_of, take_feature
from dfks_rules.web.schemas import FEATURE, record, ref
from dfks_rules.web.states import etag, presentity_told, states_told
from dfks_rules.web.table import Answer, Call, Operation, Parameter, Reply, Where


async def list_(call: Call) -> Answer:
    """One page, by domain and user."""
    given, domains = call.given, domains_of(call)
    limit = given.get("limit", DEFAULT_LIMIT)
    after = Aor(*reversed(given["after"])) if "after" in given else None
    found = await call.operations.page(after, limit + 1, domains, given.get("on"))
    rows, turns = [], Turns()
    for one in found[:limit]:
        rows.append(presentity_told(*one))
        await turns.step()
    if len(found) <= limit:
        return Answer(page(rows, None))
    last = found[limit - 1].presentity
    return Answer(page(rows, cursor(last.domain, last.user)))


async def show(call: Call) -> Answer:
    """What is stored for one; the policies are not asked, and no decision is kept."""
    presentity = call.given["aor"]
    snapshot = await call.operations.stored(presentity)
    headers = {"ETag": etag(snapshot.revision), "Cache-Control": "private, no-cache"}
    told = presentity_told(presentity, snapshot)
    if call.given.get("as") == "calls":
        told["calls"] = calls_told(presentity, snapshot, call.operations.uri_of)
    if call.given.get("as") == "phone":
        told["told"] = states_told(await call.operations.shown(presentity))
    elif headers["ETag"] in call.given.get("If-None-Match", ""):
        return Answer(status=304, headers=headers)
    return Answer(told, headers=headers)


async def next_(call: Call) -> Answer:
    """What time will change for one."""
    hours = call.given.get("hours", DEFAULT_HOURS)
    found = await call.operations.coming(call.given["aor"], hours)
    return Answer({"changes": [coming_told(one) for one in found]})


def _take_hours(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 4 and 1 <= int(text) <= MAX_HOURS):
        message = phrase("`{text}` is not 1 to {max_hours}", text=text[:40], max_hours=MAX_HOURS)
        raise ValueError(message)
    return int(text)


async def tell_again(call: Call) -> Answer:
    """Every watcher is sent the full state."""
    return Answer({"watchers": call.operations.refresh_watchers(call.given["aor"])})


_VIEWS = ("phone", "calls")


def _take_as(text: str) -> str:
    if text not in _VIEWS:
        message = phrase("`{text}` is not `phone` or `calls`", text=text[:40])
        raise ValueError(message)
    return text


_ON = Parameter("on", Where.QUERY, "Only those where this feature is on.", FEATURE, take_feature)
_HOURS = Parameter(
    "hours",
    Where.QUERY,
    f"How far ahead; {DEFAULT_HOURS} if it is left out.",
    {"type": "integer", "minimum": 1, "maximum": MAX_HOURS},
    _take_hours,
)
_AS = Parameter(
    "as",
    Where.QUERY,
    "`phone`: also what the presentity's own phone is told, by the policies. `calls`: also what a "
    "switch must know when a call comes, as in the view `dfks_calls`.",
    {"type": "string", "enum": list(_VIEWS)},
    _take_as,
)

OPERATIONS = (
    Operation(
        "listPresentities",
        "GET",
        "/v1/presentities",
        Scope.FEATURES_READ,
        "Lists presentities for which something was ever stored.",
        list_,
        (Reply(200, "A page of the list.", page_schema("Presentity")),),
        (DOMAIN, _ON, after_parameter(str, str), LIMIT),
        problems=("not-found", "store-unavailable"),
    ),
    Operation(
        "showPresentity",
        "GET",
        "/v1/presentities/{aor}",
        Scope.FEATURES_READ,
        "Shows the features of a presentity.",
        show,
        (
            Reply(200, "Its features.", ref("Presentity"), headers=("ETag",)),
            Reply(304, "It has not changed.", headers=("ETag",)),
        ),
        (AOR, _AS, IF_NONE_MATCH),
        problems=("store-unavailable",),
        description="Where nothing was ever stored for it, all features are off, and the "
        "revision is 0.",
    ),
    Operation(
        "showComing",
        "GET",
        "/v1/presentities/{aor}/next",
        Scope.FEATURES_READ,
        "Shows what time will change for a presentity if nobody touches anything.",
        next_,
        (Reply(200, "What changes, the earliest first; at most 1,000.", ref("Coming")),),
        (AOR, _HOURS),
        problems=("store-unavailable",),
        description="`cause` is `expire` where a rule said when a feature is switched off, and "
        "`time` where rules about gets look at the time, so that the presentity's own phone is "
        "shown something else. What follows from a set for others (`also`) is not told.",
    ),
    Operation(
        "tellWatchers",
        "POST",
        "/v1/presentities/{aor}/notify",
        Scope.SUBSCRIPTIONS_WRITE,
        "Sends the full state to every watcher of a presentity again.",
        tell_again,
        (
            Reply(
                200, "How many there are.", record({"watchers": {"type": "integer", "minimum": 0}})
            ),
        ),
        (AOR,),
    ),
)
