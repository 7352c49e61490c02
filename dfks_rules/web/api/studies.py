"""Questions about policies that are not in force; another process answers them."""

from typing import Any

from dfks_rules.operations.studies import PROOFS_WITHIN, Texts
from dfks_rules.phrases.phrase import phrase
from dfks_rules.web.api.texts import FILES, MAX_FILES, MAX_LENGTH, texts_of, whole
from dfks_rules.web.bodies import MAX_BODY
from dfks_rules.web.caller import Scope
from dfks_rules.web.problem import Problem
from dfks_rules.web.schemas import record, ref
from dfks_rules.web.table import Answer, Body, Call, Operation, Reply, Schema, made


async def check(call: Call) -> Answer:
    """Every finding about files."""
    whole(call)
    texts = texts_of(call.body["files"])
    return made(await call.operations.studies.check(texts, call.caller.name, call.language), call)


async def evaluate(call: Call) -> Answer:
    """What policies decide about facts."""
    whole(call)
    texts = texts_of(call.body["files"]) if "files" in call.body else None
    facts, asker = call.body["facts"], call.caller.name
    return made(await call.operations.studies.evaluate(texts, facts, asker, call.language), call)


async def test(call: Call) -> Answer:
    """Whether cases pass."""
    return made(
        await call.operations.studies.test(_either(call), call.caller.name, call.language), call
    )


async def prove(call: Call) -> Answer:
    """What becomes of proofs."""
    return made(
        await call.operations.studies.prove(_either(call), call.caller.name, call.language), call
    )


async def diff(call: Call) -> Answer:
    """What two sets decide differently."""
    whole(call)
    old = _texts(call.body["old"]) if "old" in call.body else None
    new = _texts(call.body["new"])
    return made(await call.operations.studies.diff(old, new, call.caller.name, call.language), call)


def _either(call: Call) -> Texts:
    whole(call)
    if len(call.body) != 1:
        raise Problem("invalid-body", phrase("the body: either `files` or `revision`"), errors=[])
    return _texts(call.body.get("files", call.body))


def _texts(said: Any) -> Texts:
    """Files, or a revision that is kept."""
    return str(said["revision"]) if isinstance(said, dict) else texts_of(said)


_PROBLEMS = {
    "checkPolicies": ("gave-up",),
    "testPolicies": ("not-found", "policies-unusable", "gave-up"),
    "provePolicies": ("not-found", "policies-unusable", "gave-up"),
    "comparePolicies": ("not-found", "policies-unusable", "gave-up"),
}


def _operation(  # noqa: PLR0913 - what differs
    name: str, path: str, summary: str, run: Any, answers: str, body: Schema, more: str = ""
) -> Operation:
    return Operation(
        name,
        "POST",
        f"/v1/policies/{path}",
        Scope.POLICIES_READ,
        summary,
        run,
        (Reply(200, "The answer.", ref(answers)),),
        body=Body(body, most=MAX_BODY),
        problems=_PROBLEMS.get(name, ("policies-unusable", "gave-up")),
        description=f"{more}At most {MAX_FILES} files of {MAX_LENGTH} bytes each. One question of "
        "a token is answered at a time; one that takes too long is given up (503). A token that is "
        "limited to domains gets 403.",
    )


_REVISION = {"type": "string", "pattern": "^[0-9a-f]{12}$", "examples": ["5e29e70da51e"]}
_EITHER = {
    "description": "Files, or a revision that is kept.",
    "anyOf": [FILES, record({"revision": _REVISION})],
}
_FACTS = {
    "type": "object",
    "description": "Facts of a request by the names that policies use, as `given` in cases.",
    "minProperties": 1,
    "maxProperties": 200,
    "additionalProperties": {
        "anyOf": [
            {"type": ["string", "integer", "boolean"]},
            {"type": "array", "items": {"type": "string"}},
        ]
    },
    "examples": [{"op": "get", "feature": "DoNotDisturb"}],
}

OPERATIONS = (
    _operation(
        "checkPolicies",
        "check",
        "Checks policy files that are not in force: every error and every likely mistake.",
        check,
        "Checked",
        record({"files": FILES}),
    ),
    _operation(
        "evaluatePolicies",
        "evaluate",
        "Says what policies would decide on given facts, and why.",
        evaluate,
        "Evaluated",
        record({"files": FILES, "facts": _FACTS}, ["facts"]),
        "Without `files`, the policies in force are asked; nothing is kept. ",
    ),
    _operation(
        "testPolicies",
        "test",
        "Runs the cases among policy files that are not in force.",
        test,
        "Tested",
        record({"files": FILES, "revision": _REVISION}, []),
        "The files are sent, or are those of a revision that is kept. ",
    ),
    _operation(
        "provePolicies",
        "prove",
        "Tries the proofs among policy files that are not in force.",
        prove,
        "Tried",
        record({"files": FILES, "revision": _REVISION}, []),
        "The files are sent, or are those of a revision that is kept. What is not decided within "
        f"{PROOFS_WITHIN:g} s is told as such. ",
    ),
    _operation(
        "comparePolicies",
        "diff",
        "Shows what two sets of policies decide differently.",
        diff,
        "Compared",
        record({"old": _EITHER, "new": _EITHER}, ["new"]),
        "Without `old`, `new` is compared with the policies in force. ",
    ),
)
