"""Policies that all nodes of a cluster follow."""

import re
from collections.abc import AsyncIterator
from typing import Any

import orjson

from dfks_rules.operations.cluster import NAME_AT_MOST
from dfks_rules.operations.rollouts import RolloutListing, RolloutRow, RolloutState
from dfks_rules.operations.states import printable_from
from dfks_rules.operations.studies import Text
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.reading.source import largest
from dfks_rules.web.api.texts import NAME, whole
from dfks_rules.web.caller import Scope
from dfks_rules.web.problem import Problem
from dfks_rules.web.schemas import COMPONENTS, TEXT, TIME, nullable, record, ref
from dfks_rules.web.table import Answer, Body, Call, Operation, Parameter, Reply, Where

NDJSON = "application/x-ndjson"
MAX_SIZE = 32 * 1024 * 1024
"""Most bytes of a body: 100,000 users are 5 MB."""
MAX_FILES = 2_000
_NAME = re.compile(NAME)

_NODE_OR_ALL = nullable(TEXT) | {"description": "Name of a node; null: all nodes."}
_FINDINGS = {"type": "array", "items": TEXT}
_REVISION = nullable(TEXT) | {"description": "null: the files of each node."}

COMPONENTS["Rollout"] = record(
    {
        "node": _NODE_OR_ALL,
        "revision": TEXT,
        "state": {
            "type": "string",
            "enum": [state.value for state in RolloutState],
            "description": "`preparing`: nodes check the files; `done`: the goal has moved, and "
            "each node follows within a second or two; `refused`: a node cannot use them; "
            "`expired`: a node said nothing for ten minutes; `replaced`: another one was "
            "begun, or it was rolled back or dropped meanwhile.",
        },
        "at": TIME,
        "actor": TEXT,
        "nodes": {
            "type": "array",
            "items": record(
                {
                    "node": TEXT,
                    "verdict": {"type": "string", "enum": ["waiting", "ready", "refused"]},
                    "findings": _FINDINGS,
                }
            ),
        },
    }
)
COMPONENTS["Rollouts"] = record(
    {
        "goals": {
            "type": "array",
            "items": record(
                {
                    "node": _NODE_OR_ALL,
                    "revision": _REVISION,
                    "previous": _REVISION,
                    "at": TIME,
                    "actor": TEXT,
                }
            ),
        },
        "rollouts": {"type": "array", "items": ref("Rollout")},
        "nodes": {
            "type": "array",
            "items": record(
                {
                    "node": TEXT,
                    "revision": TEXT | {"description": "What decides there."},
                    "goal": _REVISION | {"description": "What is to decide; null: its files."},
                    "follows": {"type": "boolean"},
                    "findings": _FINDINGS | {"description": "Why it cannot follow."},
                }
            ),
        },
        "skewed": {"type": "boolean", "description": "Living nodes have different policies."},
    }
)


async def begin(call: Call) -> Answer:
    """Nodes check files, and follow them once all can use them."""
    whole(call)
    rollouts = call.operations.rollouts
    texts = await _texts_of(call)
    rollout = await rollouts.begin(texts, call.given.get("node"), call.caller.name)
    return Answer(_rollout_told(rollout), 202, {"Location": "/v1/policies/rollouts"})


async def list_(call: Call) -> Answer:
    """What decides, and is to decide, on which node."""
    whole(call)
    return _told(await call.operations.rollouts.listing())


async def roll_back(call: Call) -> Answer:
    """A goal moves back."""
    whole(call)
    rollouts = call.operations.rollouts
    given = call.given
    return _told(await rollouts.roll_back(given.get("node"), call.caller.name, given.get("from")))


async def drop(call: Call) -> Answer:
    """Files decide again."""
    whole(call)
    rollouts = call.operations.rollouts
    return _told(await rollouts.drop(call.given.get("node"), call.caller.name))


def _told(listing: RolloutListing) -> Answer:
    told = {
        "goals": [one._asdict() for one in listing.goals],
        "rollouts": [_rollout_told(one) for one in listing.rollouts],
        "nodes": [one._asdict() for one in listing.nodes],
        "skewed": listing.is_skewed,
    }
    return Answer(told, headers={"Cache-Control": "no-store"})


def _rollout_told(rollout: RolloutRow) -> dict[str, Any]:
    nodes = [one._asdict() for one in rollout.nodes]
    return {**rollout._asdict(), "state": rollout.state.value, "nodes": nodes}


async def _texts_of(call: Call) -> list[Text]:
    """The files in a body.

    Raises:
        Problem: it holds none, or something else.
    """
    texts: dict[str, Text] = {}
    number = 0
    async for line in _lines(call):
        number += 1
        if not line.strip():
            continue
        text = _text_of(number, line)
        if text.name in texts:
            raise _wrong(number, phrase("`{name}` is given twice", name=text.name))
        if len(texts) == MAX_FILES:
            raise _wrong(number, phrase("at most {max_files} files", max_files=MAX_FILES))
        texts[text.name] = text
    if not texts:
        raise _wrong(1, phrase("no file was sent"))
    return [*texts.values()]


async def _lines(call: Call) -> AsyncIterator[bytes]:
    parts: list[bytes] = []
    async for piece in call.stream.pieces():
        *ends, rest = piece.split(b"\n")
        for end in ends:
            yield b"".join([*parts, end])
            parts.clear()
        parts.append(rest)
    yield b"".join(parts)


def _text_of(number: int, line: bytes) -> Text:
    try:
        said = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise _wrong(number, phrase("it is not JSON: {error}", error=error)) from error
    if not isinstance(said, dict) or said.keys() != {"name", "text"}:
        raise _wrong(number, phrase("it must be an object with `name` and `text`"))
    name, text = said["name"], said["text"]
    if not (isinstance(name, str) and isinstance(text, str)):
        raise _wrong(number, phrase("`name` and `text` must be strings"))
    if len(name) > 200 or not _NAME.fullmatch(name):
        raise _wrong(number, phrase("`{name}` is not a name of a policy file", name=name[:200]))
    if len(text.encode()) > largest(name):
        raise _wrong(
            number,
            phrase("`{name}` has more than {largest} bytes", name=name, largest=largest(name)),
        )
    return Text(name, text)


def _wrong(number: int, detail: str) -> Problem:
    where = {"pointer": f"/{number}", "detail": detail}
    return Problem(
        "invalid-body",
        phrase("line {number}: {detail}", number=number, detail=detail),
        errors=[where],
    )


_NODE = Parameter(
    "node",
    Where.QUERY,
    "Name of the one node that it is about, a canary; without it, all.",
    {"type": "string", "minLength": 1, "maxLength": NAME_AT_MOST, "examples": ["node-2"]},
    printable_from,
)
_FROM = Parameter(
    "from",
    Where.QUERY,
    "What is to end: the revision that is on its way, else the one that is followed, or `files`; "
    "without it, whatever that is.",
    {"type": "string", "minLength": 1, "maxLength": 200, "examples": ["a3b8cb8b2ff8"]},
    printable_from,
)
_PROBLEMS = ("needs-shared-store", "store-unavailable")
_LISTED = Reply(200, "Goals, rollouts and nodes.", ref("Rollouts"))

OPERATIONS = (
    Operation(
        "listRollouts",
        "GET",
        "/v1/policies/rollouts",
        Scope.POLICIES_READ,
        "Lists what decides on each node, what is to decide, and how far the last rollouts are.",
        list_,
        (_LISTED,),
        problems=_PROBLEMS,
    ),
    Operation(
        "beginRollout",
        "POST",
        "/v1/policies/rollouts",
        Scope.POLICIES_WRITE,
        "Has all nodes check policies, and follow them once every living node can use them.",
        begin,
        (Reply(202, "It has begun.", ref("Rollout"), headers=("Location",)),),
        (_NODE,),
        Body(None, (NDJSON,), most=MAX_SIZE),
        ("invalid-body", "too-slow", "not-found", "policies-unusable", *_PROBLEMS),
        "A line of the body is a file: an object with `name`, as in a folder of policies, and "
        f"`text`. At most {MAX_SIZE >> 20} MiB. What nodes follow outranks their files, also after "
        "a restart. A rollout to one node (a canary) outranks that to all until the next rollout "
        "to all.",
    ),
    Operation(
        "rollBackRollout",
        "POST",
        "/v1/policies/rollouts/rollback",
        Scope.POLICIES_WRITE,
        "Has nodes follow again what they followed before the last rollout.",
        roll_back,
        (_LISTED,),
        (_NODE, _FROM),
        problems=("not-found", "nodes-differ", "goal-moved", *_PROBLEMS),
        description="Where a rollout is on its way, only that ends. Nodes do not prepare for what "
        "they go back to: they have used it before. A second rollback brings back what the first "
        "one left; with `from`, it is refused, so that two at once do not undo each other.",
    ),
    Operation(
        "dropRollout",
        "DELETE",
        "/v1/policies/rollouts",
        Scope.POLICIES_WRITE,
        "Has nodes follow nothing but their own files.",
        drop,
        (_LISTED,),
        (_NODE,),
        problems=("not-found", *_PROBLEMS),
    ),
)
