"""The policies in force: seen, and replaced. They decide for all domains at once."""

from collections.abc import AsyncIterator, Iterable
from typing import Any

import orjson

from dfks_rules.operations.policies import Activation, FileRow, ShadowRow
from dfks_rules.operations.states import printable_from
from dfks_rules.operations.turns import Turns
from dfks_rules.phrases.german import to_json
from dfks_rules.phrases.phrase import phrase
from dfks_rules.web.api.texts import FILES, texts_of, whole
from dfks_rules.web.bodies import MAX_BODY
from dfks_rules.web.caller import Scope
from dfks_rules.web.parameters import IF_NONE_MATCH
from dfks_rules.web.problem import Problem
from dfks_rules.web.schemas import TEXT, record, ref
from dfks_rules.web.table import (
    JSON,
    Answer,
    Body,
    Call,
    Operation,
    Parameter,
    Reply,
    Streamed,
    Where,
    made,
)

CHUNK = 64 * 1024
"""Characters of a file that are written at once."""


async def list_(call: Call) -> Answer:
    """What is in force, and what was."""
    whole(call)
    listing = call.operations.policies.listing()
    headers = {"ETag": f'"{listing.revision}"', "Cache-Control": "private, no-cache"}
    if headers["ETag"] in call.given.get("If-None-Match", ""):
        return Answer(status=304, headers=headers)
    turns, rows = Turns(), []
    for row in listing.policies:
        rows.append({"file": row.file, "name": row.policy, "rules": row.rules})
        await turns.step()
    told = {
        "revision": listing.revision,
        "since": listing.since,
        "origin": listing.origin,
        "policies": rows,
        "revisions": [row._asdict() for row in listing.history],
        "shadow": listing.shadow is not None,
    }
    return Answer(told, headers=headers)


async def show_revision(call: Call) -> Streamed:
    """The files of one revision."""
    whole(call)
    revision = call.given["revision"]
    files = call.operations.policies.files(revision)
    return Streamed(_pieces(revision, files), JSON, {"ETag": f'"{revision}"'})


async def findings(call: Call) -> Answer:
    """What is to be said of the policies in force, and why the last load was rejected."""
    whole(call)
    checked = await call.operations.studies.check(None, call.caller.name, call.language)
    failure = call.operations.policies.listing().failure
    told = to_json(None if failure is None else failure._asdict(), call.language)
    return made(b'{"failure":%b,%b' % (told, checked[1:]), call)


async def reload(call: Call) -> Answer:
    """The files are read again."""
    whole(call)
    return _activated(await call.operations.policies.reload("operator"))


async def rollback(call: Call) -> Answer:
    """A kept revision is in force again."""
    whole(call)
    revision = (call.body or {}).get("revision")
    return _activated(await call.operations.policies.rollback(revision))


async def show_shadow(call: Call) -> Answer:
    """How a candidate compares so far."""
    whole(call)
    shadow = call.operations.policies.listing().shadow
    if shadow is None:
        raise Problem("not-found", phrase("no candidate is compared"))
    return Answer(_shadow(shadow))


async def start_shadow(call: Call) -> Answer:
    """A candidate is compared from now on."""
    whole(call)
    body = call.body
    try:
        candidate = printable_from(body["path"]) if "path" in body else texts_of(body["files"])
    except ValueError as error:
        raise Problem("invalid-body", phrase("/path: {error}", error=error)) from error
    return Answer(_shadow(await call.operations.policies.start_shadow(candidate)))


async def stop_shadow(call: Call) -> Answer:
    """Nothing is compared from now on."""
    whole(call)
    await call.operations.policies.stop_shadow()
    return Answer(status=204)


def _activated(activation: Activation) -> Answer:
    return Answer(activation._asdict(), headers={"ETag": f'"{activation.revision}"'})


def _shadow(row: ShadowRow) -> dict[str, Any]:
    return row._asdict()


async def _pieces(revision: str, files: Iterable[FileRow]) -> AsyncIterator[bytes]:
    """JSON in pieces: files may be large, and are as they were read."""
    turns = Turns()
    yield b'{"revision":%b,"files":[' % orjson.dumps(revision)
    for number, file in enumerate(files):
        head = orjson.dumps({"name": file.name, "tenant": file.tenant})
        yield b"," * (number > 0) + head[:-1] + b',"text":"'
        for start in range(0, len(file.text), CHUNK):
            yield orjson.dumps(file.text[start : start + CHUNK])[1:-1]
            await turns.rest()
        yield b'"}'
    yield b"]}"


def _take_revision(text: str) -> str:
    if not (len(text) == 12 and all(letter in "0123456789abcdef" for letter in text)):
        message = phrase("`{text}` is not a revision", text=text[:40])
        raise ValueError(message)
    return text


_REVISION = {"type": "string", "pattern": "^[0-9a-f]{12}$", "examples": ["5e29e70da51e"]}
_ALL = "Policies decide for all domains: a token that is limited to domains gets 403."
_ACTIVATED = Reply(200, "What is in force now.", ref("Activation"), headers=("ETag",))

OPERATIONS = (
    Operation(
        "listPolicies",
        "GET",
        "/v1/policies",
        Scope.POLICIES_READ,
        "Lists the policies in force in order of precedence, and the revisions that are kept.",
        list_,
        (
            Reply(200, "The policies.", ref("Policies"), headers=("ETag",)),
            Reply(304, "The same revision is in force.", headers=("ETag",)),
        ),
        (IF_NONE_MATCH,),
        description=f"The ETag is the revision in force. {_ALL}",
    ),
    Operation(
        "showRevision",
        "GET",
        "/v1/policies/revisions/{revision}",
        Scope.POLICIES_READ,
        "Shows the files of a revision that is kept.",
        show_revision,
        (Reply(200, "Its files.", ref("RevisionFiles"), headers=("ETag",)),),
        (
            Parameter(
                "revision",
                Where.PATH,
                "A revision that is kept.",
                _REVISION,
                _take_revision,
                kind="not-found",
            ),
        ),
        problems=("not-found",),
        description=_ALL,
    ),
    Operation(
        "listFindings",
        "GET",
        "/v1/policies/findings",
        Scope.POLICIES_READ,
        "Lists findings about the policies in force, and why the last load was rejected.",
        findings,
        (Reply(200, "Warnings, gaps, and the failure.", ref("Findings")),),
        problems=("gave-up",),
        description=_ALL,
    ),
    Operation(
        "reloadPolicies",
        "POST",
        "/v1/policies/reload",
        Scope.POLICIES_WRITE,
        "Reads the policy files again; if they cannot be used, the old ones stay in force.",
        reload,
        (_ACTIVATED,),
        problems=("policies-unusable", "rollout-decides"),
        description=f"409 has every finding. {_ALL}",
    ),
    Operation(
        "rollBackPolicies",
        "POST",
        "/v1/policies/rollback",
        Scope.POLICIES_WRITE,
        "Puts a revision that is kept back in force; without a body, the previous one.",
        rollback,
        (_ACTIVATED,),
        body=Body(record({"revision": _REVISION}, []), is_needed=False),
        problems=("not-found", "policies-unusable", "rollout-decides"),
        description=f"Files that stay as they are do not undo it. {_ALL}",
    ),
    Operation(
        "showShadow",
        "GET",
        "/v1/policies/shadow",
        Scope.POLICIES_READ,
        "Shows how a candidate compares with the policies in force so far.",
        show_shadow,
        (Reply(200, "The comparison.", ref("Shadow")),),
        problems=("not-found",),
        description=_ALL,
    ),
    Operation(
        "startShadow",
        "PUT",
        "/v1/policies/shadow",
        Scope.POLICIES_WRITE,
        "Compares a candidate with the policies in force from now on; it decides nothing.",
        start_shadow,
        (Reply(200, "The comparison.", ref("Shadow")),),
        body=Body(
            {
                "oneOf": [
                    record({"path": {**TEXT, "minLength": 1, "maxLength": 512}}),
                    record({"files": FILES}),
                ]
            },
            most=MAX_BODY,
        ),
        problems=("policies-unusable", "gave-up"),
        description="The candidate is a folder of the server, or the files themselves; 409 has "
        f"every finding. {_ALL}",
    ),
    Operation(
        "stopShadow",
        "DELETE",
        "/v1/policies/shadow",
        Scope.POLICIES_WRITE,
        "Ends the comparison with a candidate.",
        stop_shadow,
        (Reply(204, "Nothing is compared any more."),),
        description=_ALL,
    ),
)
