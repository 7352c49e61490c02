"""Random effects of rules, made of everything that `then` may say, as hypothesis strategies."""

from typing import Any

from hypothesis import strategies as st

from dfks_rules.model.features import FEATURES

Strategy = st.SearchStrategy[Any]

_TEXT = st.sampled_from(
    ["sip:vm@example.com", "sip:vm-${user}@${domain}", "no, ${user}", "${param}-2", "${groups} x"]
)
_LINE = st.sampled_from(
    ["${user} ${watcher} ${request.forwardTo}", "plain", "${group.x.DoNotDisturb.on} of ${groups}"]
)
_DEFAULT = st.sampled_from(["x", "sip:vm"])
_STATUS = st.sampled_from([0, 1, "request"])
_FACTS = ["stored.forwardTo", "request.forwardTo", "watcher.team", "presentity", "target.number"]
_RING = st.sampled_from([1, 2, 5, 9])


def some(required: dict[str, Strategy], **optional: Strategy) -> Strategy:
    """A mapping with all of the first, and some of the others."""
    return st.fixed_dictionaries(required, optional=optional)


_TAKEN = some({"from": st.sampled_from(_FACTS)}, default=_DEFAULT)
_NUMBER = some(
    {"from": st.sampled_from(["request.forwardTo", "target.number"]), "as": st.just("e164")},
    strip=st.sampled_from(["+49", "+"]),
    prefix=st.sampled_from(["0", "+49"]),
    default=_DEFAULT,
)
_REWRITTEN = some(
    {"from": st.sampled_from(_FACTS), "strip": st.sampled_from(["sip:", "+49"])},
    prefix=st.sampled_from(["0", "tel:"]),
    default=_DEFAULT,
)
_TEMPLATE = some({"template": _TEXT}, default=_DEFAULT)
_COMPUTED = st.one_of(_TEMPLATE, _TAKEN, _NUMBER, _REWRITTEN, st.just({"var": "desk"}))
_RINGS = _RING | some(
    {"from": st.sampled_from(["request.ringCount", "stored.ringCount"])},
    min=st.sampled_from([1, 2]),
    max=st.sampled_from([9, 3]),
    default=_RING,
)
_VALUES = some(
    {},
    forwardTo=st.just("sip:vm@example.com") | _COMPUTED,
    ringCount=_RINGS,
    state=st.sampled_from(["ready", "notReady", "loggedOff"]),
    agentId=st.just("77") | _TEMPLATE,
    notReadyReason=st.just("lunch"),
).filter(bool)
_FORWARD = some({"forwardTo": _COMPUTED}, ringCount=_RINGS)
_FORWARDING = st.sampled_from([one.value for one in FEATURES if "Forwarding" in one.value])
_ALSO = st.one_of(
    some(
        {"feature": st.sampled_from([one.value for one in FEATURES]), "status": _STATUS},
        user=st.sampled_from(["bob", "${param}-2", "${user.manager}"]),
        domain=st.sampled_from(["acme.example", "${domain}"]),
    ),
    some({"feature": _FORWARDING, "status": _STATUS, "values": _FORWARD}),
    some(
        {
            "feature": st.just("DoNotDisturb"),
            "status": _STATUS,
            "group": st.sampled_from(["sales", "x"]),
        }
    ),
)
_EXPIRE = st.sampled_from(
    [
        *("15m", "2h", "3d", "until 12:00", "until 06:59"),
        {"until": "12:00", "tz": "Europe/Berlin"},
        *({"during": hours} for hours in ("office", "night", "yearly", "holidays")),
    ]
)
_NOTIFY = st.sampled_from([True, False, "requester", "others"])
_FINAL = st.just(True)
_DENY = st.sampled_from(["no", "off"]) | some(
    {"reason": st.sampled_from(["gone", "liftable", "spoken"])},
    answer=st.sampled_from(["stored", "off", "unassigned", "reject-403"]),
    text=st.sampled_from(["${user} to ${target.number}", "no, ${user}", "no"]),
    exceptions=st.just(True),
)
_DECIDING = some(
    {},
    status=st.sampled_from([0, 1, "request", "stored"]),
    values=_VALUES,
    assigned=st.booleans(),
    notify=_NOTIFY,
    log=_LINE,
    final=_FINAL,
).filter(lambda then: then.keys() - {"final"})
_OF_SETS = st.one_of(
    some({"also": st.lists(_ALSO, min_size=1, max_size=2)}, final=_FINAL, status=_STATUS),
    some({"expire": _EXPIRE}, status=st.sampled_from([1, "request"]), final=_FINAL),
)
_DENYING = some({"deny": _DENY}, notify=_NOTIFY, log=_LINE, final=_FINAL)

_GIVING = some({"values": _FORWARD}, status=_STATUS, final=_FINAL)
_ALLOWING = some({"allow": st.just(True)}, log=_LINE)

EFFECTS: Strategy = st.one_of(
    *(_DECIDING, _DECIDING, _GIVING, _DENYING, _DENYING, _OF_SETS, _ALLOWING)
)
"""What a rule does; the check refuses some."""
