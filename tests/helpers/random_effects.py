"""Random effects of rules, made of everything that `then` may say."""

from random import Random
from typing import Any

from dfks_rules.model.features import FEATURES
from tests.helpers.drawing import Draw, between, just, one_of, pick, some

_TEXT = pick(
    *("sip:vm@example.com", "sip:vm-${user}@${domain}", "no, ${user}", "${param}-2", "${groups} x"),
    *("${request.forwardTo}", "${device}"),
)
_LINE = pick(
    *("${user} ${watcher} ${request.forwardTo}", "plain"),
    *("${group.x.DoNotDisturb.on} of ${groups}", "${param}${param}"),
)
_DEFAULT = pick("x", "sip:vm")
_STATUS = pick(0, 1, "request")
_TEXTS = ("stored.forwardTo", "request.forwardTo", "watcher.team", "presentity", "target.number")
_RING = pick(1, 2, 5, 9)

_TAKEN = some({"from": pick(*_TEXTS)}, default=_DEFAULT)
_NUMBER = some(
    {"from": pick("request.forwardTo", "target.number"), "as": just("e164")},
    strip=pick("+49", "+"),
    prefix=pick("0", "+49"),
    default=_DEFAULT,
)
_REWRITTEN = some(
    {"from": pick(*_TEXTS), "strip": pick("sip:", "+49")},
    prefix=pick("0", "tel:"),
    default=_DEFAULT,
)
_TEMPLATE = some({"template": _TEXT}, default=_DEFAULT)
_COMPUTED = one_of(_TEMPLATE, _TAKEN, _NUMBER, _REWRITTEN, just({"var": "desk"}))
_RINGS = one_of(
    _RING,
    some(
        {"from": pick("request.ringCount", "stored.ringCount")},
        min=pick(1, 2),
        max=pick(9, 3),
        default=_RING,
    ),
)
_VALUES = some(
    {},
    forwardTo=one_of(just("sip:vm@example.com"), _COMPUTED),
    ringCount=_RINGS,
    state=pick("ready", "notReady", "loggedOff"),
    agentId=one_of(just("77"), _TEMPLATE),
    reason=just("lunch"),
)
_FORWARD = some({"forwardTo": _COMPUTED}, ringCount=_RINGS)
_FORWARDING = pick(*(one.value for one in FEATURES if "Forwarding" in one.value))
_ALSO = one_of(
    some(
        {"feature": pick(*(one.value for one in FEATURES)), "status": _STATUS},
        user=pick("bob", "${param}-2", "${user.manager}"),
        domain=pick("acme.example", "${domain}"),
    ),
    some({"feature": _FORWARDING, "status": _STATUS, "values": _FORWARD}),
    some(
        {"feature": just("AgentState"), "status": _STATUS},
        values=some({"state": pick("ready", "notReady", "loggedOff")}, reason=just("lunch")),
    ),
    some({"feature": just("DoNotDisturb"), "status": _STATUS, "group": pick("sales", "x")}),
)
_EXPIRE = pick(
    *("15m", "2h", "3d", "until 12:00", "until 06:59"),
    {"until": "12:00", "tz": "Europe/Berlin"},
    {"until": "06:59", "tz": "America/New_York"},
    *({"during": hours} for hours in ("office", "night", "yearly", "holidays", "local")),
)
_NOTIFY = pick(True, False, "requester", "others")
_DENY = one_of(
    pick("no", "off"),
    some(
        {"reason": pick("gone", "spoken"), "answer": pick("off", "unassigned", "reject-403")},
        text=pick("${user} to ${target.number}", "no, ${user}", "no"),
    ),
    some(
        {"reason": pick("gone", "liftable", "spoken")},
        answer=pick("stored", "off", "unassigned", "reject-403"),
        text=pick("${user} to ${target.number}", "no, ${user}", "no"),
        exceptions=just(True),
    ),
    # What Exceptions may lift is worth nothing where none names it.
    some({"reason": just("lifted"), "exceptions": just(True)}, text=just("not ${user}")),
)

_DECIDING = some(
    {},
    status=pick(0, 1, "request", "stored"),
    values=_VALUES,
    assigned=pick(True, False),
    notify=_NOTIFY,
    log=_LINE,
)
_GIVING = some({"values": _FORWARD}, status=_STATUS)
_OF_AGENTS = some(
    {},
    status=pick(0, 1, "request", "stored"),
    values=some(
        {},
        state=pick("ready", "notReady", "loggedOff"),
        agentId=one_of(just("77"), _TEMPLATE),
        reason=just("lunch"),
    ),
)
_OF_SETS = some(
    {},
    also=between(1, 2, _ALSO),
    expire=_EXPIRE,
    status=pick(1, "request"),
    log=_LINE,
)
_ALLOWING = some({"allow": just(True)}, log=_LINE)
_DENYING = some({"deny": _DENY}, notify=_NOTIFY, log=_LINE, assigned=pick(True, False))

_ALL = (_DECIDING, _DECIDING, _GIVING, _OF_AGENTS, _OF_SETS, _OF_SETS, _ALLOWING)
_FINAL = 0.2
"""How often a rule is final."""


def effects(random: Random, denies: float = 0.25) -> dict[str, Any]:
    """What a rule does; the check refuses some.

    Args:
        random: chooses.
        denies: how often it refuses. Where many do, nobody sees what the others say.
    """
    draw: Draw = _DENYING if random.random() < denies else random.choice(_ALL)
    then: dict[str, Any] = draw(random)
    if "allow" not in then and random.random() < _FINAL:
        then["final"] = True
    return then
