"""The last decisions, and why they came out as they did."""

import re
from collections.abc import Callable
from enum import Enum
from typing import Any, TypeVar

from dfks_rules.model.requests import Operation as Kind
from dfks_rules.model.requests import Origin
from dfks_rules.operations.decisions import Decided, Sought
from dfks_rules.operations.events import state_told
from dfks_rules.operations.states import denying_rule, printable_from
from dfks_rules.operations.times import time_told
from dfks_rules.operations.turns import Turns
from dfks_rules.phrases.phrase import phrase
from dfks_rules.web.caller import Scope
from dfks_rules.web.paging import DEFAULT_LIMIT, LIMIT, page, page_schema
from dfks_rules.web.parameters import PRESENTITY, moment_from
from dfks_rules.web.problem import Problem
from dfks_rules.web.schemas import ref
from dfks_rules.web.table import Answer, Call, Operation, Parameter, Reply, Where, made

_E = TypeVar("_E", bound=Enum)
_ID = re.compile(r"[0-9a-f]{6}-[1-9][0-9]{0,17}")
_EFFECTS = ("allow", "deny")


async def list_(call: Call) -> Answer:
    """One page, the newest first."""
    given = call.given
    limit = given.get("limit", DEFAULT_LIMIT)
    sought = Sought(
        given.get("presentity"),
        call.caller.domains,
        given.get("effect"),
        given.get("rule"),
        given.get("op"),
        given.get("origin"),
        given.get("since"),
        given.get("before"),
        given.get("after"),
    )
    found = await call.operations.decisions.search(sought, limit + 1)
    turns = Turns()
    rows = []
    for one in found[:limit]:
        rows.append(_row(one))
        await turns.step()
    return Answer(page(rows, found[limit - 1].id if len(found) > limit else None))


async def show(call: Call) -> Answer:
    """All that is known of one."""
    record = call.operations.decisions.record(_found(call))
    return Answer(
        {
            "id": record["id"],
            "at": record["at"],
            "given": record["given"],
            "decision": record["decision"],
            "policyRevision": record["revision"],
        }
    )


async def explain(call: Call) -> Answer:
    """Which rules matched and decided, and why the others did not."""
    is_all = call.caller.domains is None
    told = await call.operations.studies.explain(
        _found(call), call.caller.name, is_all=is_all, language=call.language
    )
    return made(told, call)


def _found(call: Call) -> Decided:
    name = call.given["id"]
    outcome = call.operations.decisions.find(name)
    if outcome is None or not call.caller.sees(outcome.request.presentity.domain):
        raise Problem("not-found", phrase("decision `{name}` is not kept", name=name[:40]))
    return Decided(name, outcome)


def _row(decided: Decided) -> dict[str, Any]:
    outcome = decided.outcome
    request, denial = outcome.request, outcome.decision.denial
    requester, by = request.requester, outcome.decision.decided_by
    return {
        "id": decided.id,
        "at": time_told(outcome.at),
        "presentity": request.presentity.uri,
        "op": request.operation.value,
        "feature": None if request.feature is None else request.feature.value,
        "asked": None if request.asked is None else state_told(request.asked),
        "origin": requester.origin.value,
        "actor": requester.told_actor,
        "effect": "allow" if denial is None else "deny",
        "reason": None if denial is None else denial.reason,
        "rule": denying_rule(outcome) or by.get("status") or by.get("allow"),
        "policyRevision": outcome.decision.revision,
    }


def _take_effect(text: str) -> bool:
    if text not in _EFFECTS:
        message = phrase(
            "`{text}` is not one of {listed}", text=text[:40], listed=", ".join(_EFFECTS)
        )
        raise ValueError(message)
    return text == "deny"


def _take_one_of(words: type[_E]) -> Callable[[str], _E]:
    def take(text: str) -> _E:
        for word in words:
            if word.value == text:
                return word
        known = ", ".join(word.value for word in words)
        message = phrase("`{text}` is not one of {known}", text=text[:40], known=known)
        raise ValueError(message)

    return take


def _take_id(text: str) -> str:
    if not _ID.fullmatch(text):
        message = phrase("`{text}` is not the id of a decision", text=text[:40])
        raise ValueError(message)
    return text


_ID_SCHEMA = {
    "type": "string",
    "pattern": "^[0-9a-f]{6}-[1-9][0-9]{0,17}$",
    "examples": ["5ea1ed-17"],
}
_ID_PARAMETER = Parameter(
    "id", Where.PATH, "The id of a decision.", _ID_SCHEMA, _take_id, kind="not-found"
)


def _query(name: str, description: str, schema: Any, take: Callable[[str], Any]) -> Parameter:
    kind = "bad-cursor" if name in ("before", "after") else "bad-parameter"
    return Parameter(name, Where.QUERY, description, schema, take, kind=kind)


OPERATIONS = (
    Operation(
        "listDecisions",
        "GET",
        "/v1/decisions",
        Scope.DECISIONS_READ,
        "Lists the last decisions of the policies, the newest first.",
        list_,
        (Reply(200, "A page of the list.", page_schema("DecisionRow")),),
        (
            PRESENTITY,
            _query(
                "effect",
                "Only those with this effect.",
                {"type": "string", "enum": list(_EFFECTS)},
                _take_effect,
            ),
            _query(
                "rule",
                "Only those in which this rule (`policy/rule`), or a rule of this policy, matched.",
                {"type": "string", "minLength": 1, "maxLength": 512},
                printable_from,
            ),
            _query(
                "op",
                "Only those about this operation.",
                {"type": "string", "enum": [word.value for word in Kind]},
                _take_one_of(Kind),
            ),
            _query(
                "origin",
                "Only those that were asked for by phones (`watcher`), operators, or policies "
                "(`internal`).",
                {"type": "string", "enum": [word.value for word in Origin]},
                _take_one_of(Origin),
            ),
            _query(
                "since",
                "Only those made at this time, which has a zone, or later.",
                {"type": "string", "format": "date-time"},
                moment_from,
            ),
            _query(
                "before",
                "Only those older than the decision with this id: `next` of the page before.",
                _ID_SCHEMA,
                _take_id,
            ),
            _query(
                "after",
                "Only those newer than the decision with this id.",
                _ID_SCHEMA,
                _take_id,
            ),
            LIMIT,
        ),
        description="The server keeps as many requests as `decisions.keep` says, until it is "
        "started anew. What an operator only reads is not among them. After a decision that is no "
        "longer kept, all that are kept are newer.",
    ),
    Operation(
        "showDecision",
        "GET",
        "/v1/decisions/{id}",
        Scope.DECISIONS_READ,
        "Shows one decision with all facts it was based on.",
        show,
        (Reply(200, "Everything that is known about the decision.", ref("DecisionRecord")),),
        (_ID_PARAMETER,),
        problems=("not-found",),
        description="`given` has the facts by the names that policies use; with them, the decision "
        "can be repeated.",
        follows={"explain": ("explainDecision", {"id": "$request.path.id"})},
    ),
    Operation(
        "explainDecision",
        "GET",
        "/v1/decisions/{id}/explanation",
        Scope.DECISIONS_READ,
        "Explains a decision: which rules matched and decided, and why the others did not.",
        explain,
        (Reply(200, "The explanation.", ref("Explanation")),),
        (_ID_PARAMETER,),
        problems=("not-found", "gave-up"),
        description="It is made by the policies that decided, as long as the server keeps their "
        "revision; afterwards the answer is 404. A token that is limited to domains is not told of "
        "rules about other operations, features and domains. One question of a token is answered "
        "at a time.",
    ),
)
