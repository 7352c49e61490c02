"""Who asks, and sessions of browsers."""

from dfks_rules.errors import DfksError
from dfks_rules.phrases.phrase import phrase
from dfks_rules.web.caller import NOBODY, Scope
from dfks_rules.web.problem import Problem
from dfks_rules.web.schemas import COMPONENTS, record, ref
from dfks_rules.web.session import cookie_of
from dfks_rules.web.table import Answer, Body, Call, Operation, Reply

_COOKIE = "Set-Cookie"
_SCOPE = {"type": "string", "enum": [scope.value for scope in Scope]}
COMPONENTS["Session"] = record(
    {
        "name": {"type": "string", "description": "Of the token."},
        "scopes": {"type": "array", "items": _SCOPE},
        "domains": {
            "type": ["array", "null"],
            "items": {"type": "string"},
            "description": "Whose presentities there are for this token; null: all.",
        },
        "needsToken": {
            "type": "boolean",
            "description": "Whether tokens are asked for; if not, everybody may do everything.",
        },
        "offers": {
            "type": "array",
            "items": {"type": "string", "enum": ["cluster", "events", "journal", "webhooks"]},
            "description": "What not every server has.",
        },
    }
)
COMPONENTS["NewSession"] = record({"token": {"type": "string", "minLength": 1, "maxLength": 512}})


async def show(call: Call) -> Answer:
    """Who asks. Nobody is no error: browsers would report each first visit as one."""
    caller = call.caller
    if caller is NOBODY:
        return Answer(status=204)
    return Answer(
        {
            "name": caller.name,
            "scopes": sorted(scope.value for scope in caller.scopes),
            "domains": None if caller.domains is None else sorted(caller.domains),
            "needsToken": call.door.needs_token,
            "offers": _offers(call),
        }
    )


def _offers(call: Call) -> list[str]:
    offered = []
    for name in ("cluster", "events", "journal", "webhooks"):
        try:
            getattr(call.operations, name)
        except DfksError:
            continue
        offered.append(name)
    return offered


async def begin(call: Call) -> Answer:
    """A browser sends the token from now on."""
    token = call.body["token"].strip()
    if not call.door.knows(token):
        raise Problem(
            "token-needed",
            phrase("the token is not valid"),
            {"WWW-Authenticate": 'Bearer realm="dfks"'},
        )
    return Answer(status=204, headers={_COOKIE: cookie_of(token, secure=call.door.is_secure)})


async def end(call: Call) -> Answer:
    """A browser sends no token any more."""
    return Answer(status=204, headers={_COOKIE: cookie_of("", secure=call.door.is_secure)})


OPERATIONS = (
    Operation(
        "showSession",
        "GET",
        "/v1/session",
        None,
        "Says who asks, what he may do, and what this server offers.",
        show,
        (
            Reply(200, "Who asks.", ref("Session")),
            Reply(204, "Nobody that the server knows: a token is needed."),
        ),
    ),
    Operation(
        "beginSession",
        "POST",
        "/v1/session",
        None,
        "Has a browser send a token from now on, in a cookie that no script can read.",
        begin,
        (Reply(204, "The browser was given a cookie.", headers=(_COOKIE,)),),
        body=Body(ref("NewSession")),
        problems=("token-needed",),
    ),
    Operation(
        "endSession",
        "DELETE",
        "/v1/session",
        None,
        "Has a browser send no token any more.",
        end,
        (Reply(204, "The browser forgets the cookie.", headers=(_COOKIE,)),),
    ),
)
