"""A request → what its operation is given, checked by the table."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import jsonschema
import orjson
from aiohttp import web
from jsonschema.exceptions import ValidationError

from dfks_rules.model.identity import Aor
from dfks_rules.operations.studies import Studies
from dfks_rules.phrases.phrase import joined, phrase
from dfks_rules.web.bodies import read
from dfks_rules.web.caller import Caller
from dfks_rules.web.parameters import DOMAIN
from dfks_rules.web.problem import Problem
from dfks_rules.web.schemas import COMPONENTS
from dfks_rules.web.table import SMALL, Operation, Parameter, Schema, Where

MAX_ERRORS = 20
"""Most mistakes of a body that are told at once."""
MAX_DETAIL = 300
"""Most characters that are said of a mistake."""
MAX_VALUES = 2_000
"""Most values in a JSON body: the check by a schema takes time for each, and phones wait for it."""

_KINDS = {
    "string": phrase("a text"),
    "integer": phrase("an integer"),
    "number": phrase("a number"),
    "boolean": phrase("true or false"),
    "array": phrase("a list"),
    "object": phrase("an object"),
    "null": "null",
}
"""Type of JSON Schema → what it is called."""


def given_of(operation: Operation, request: web.Request, caller: Caller) -> dict[str, Any]:
    """The parameters of a request by name.

    Raises:
        Problem: one is wrong or not known, or is about a domain that the caller does not see.
    """
    known = {parameter.name for parameter in operation.parameters}
    for name in request.query:
        if name not in known:
            raise Problem(
                "bad-parameter",
                phrase("there is no parameter `{name}`", name=name[:40]),
                parameter=name,
            )
    given: dict[str, Any] = {}
    for parameter in operation.parameters:
        text = _text_of(parameter, request)
        if text is not None:
            given[parameter.name] = _taken(parameter, text)
    for value in given.values():
        if isinstance(value, Aor) and not caller.sees(value.domain):
            raise Problem("not-found", phrase("no such presentity: {uri}", uri=value.uri))
    domain = given.get(DOMAIN.name)
    if domain is not None and not caller.sees(domain):
        raise Problem("not-found", phrase("no such domain: `{domain}`", domain=domain))
    return given


async def body_of(operation: Operation, request: web.Request, studies: Studies, asker: str) -> Any:
    """The JSON of a request, which fits the operation's schema; None where it takes none.

    Args:
        operation: what is asked for.
        request: asks for it.
        studies: looks first into what is so long that it could hold the loop.
        asker: who asks.

    Raises:
        Problem: it is of another type, too large, no JSON, or does not fit.
        DfksError: nobody could look into it.
    """
    body = operation.body
    if body is None or not (body.is_needed or request.body_exists):
        return None
    coding = request.headers.get("Content-Encoding", "identity")
    if coding.lower() != "identity":
        raise Problem(
            "wrong-content-type",
            phrase("the content coding `{coding}` is not supported", coding=coding[:40]),
        )
    if request.content_type not in body.types:
        wanted = joined(phrase(" or "), body.types)
        raise Problem(
            "wrong-content-type",
            phrase(
                "`{content_type}` is not {wanted}", content_type=request.content_type, wanted=wanted
            ),
        )
    if body.schema is None:
        return None
    text = await read(request, body.most)
    # Where there are few values, texts among them are copied: 2 MiB take a millisecond.
    if len(text) > SMALL and await studies.count_values(text, asker) > MAX_VALUES:
        raise _too_many_values()
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise Problem("not-json", phrase("{told}", told=error)) from error
    if not _is_small(value):
        raise _too_many_values()
    check(operation.name, body.schema, value)
    return value


def _too_many_values() -> Problem:
    return Problem(
        "invalid-body",
        phrase("it has more than {max_values} values", max_values=MAX_VALUES),
        errors=[],
    )


def _is_small(value: Any) -> bool:
    """Whether there are at most `MAX_VALUES` within a JSON value."""
    left, waiting = MAX_VALUES, [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict | list):
            left -= len(one)
            if left < 0:
                return False
            waiting.extend(one.values() if isinstance(one, dict) else one)
    return True


def check(name: str, schema: Schema, value: Any) -> None:
    """Raise unless a value fits the schema of an operation.

    Raises:
        Problem: `invalid-body`, with `errors`: where (a JSON pointer), and what.
    """
    errors = []
    for error in _validator(name, orjson.dumps(schema).decode()).iter_errors(value):
        pointer = "".join(f"/{part}" for part in error.absolute_path)
        errors.append({"pointer": pointer, "detail": _wrong(error)})
        if len(errors) == MAX_ERRORS:
            break
    if errors:
        detail = phrase(
            "{pointer}: {detail}",
            pointer=errors[0]["pointer"] or phrase("the body"),
            detail=errors[0]["detail"],
        )
        raise Problem("invalid-body", detail, errors=errors)


def _wrong(error: ValidationError) -> str:
    """What is wrong with one value, in words of people."""
    wanted: Any = error.validator_value
    value: Any = error.instance
    schema: Any = error.schema
    match error.validator:
        case "additionalProperties":
            known = list(schema["properties"])
            unknown = sorted(value.keys() - set(known))
            return phrase(
                "unknown member `{unknown}`; the members are {listed}",
                unknown=unknown[0][:40],
                listed=_listed(known),
            )
        case "required":
            return phrase(
                "`{name}` is missing", name=next(name for name in wanted if name not in value)
            )
        case "type":
            kinds = [wanted] if isinstance(wanted, str) else wanted
            return phrase(
                "must be {kinds}", kinds=joined(phrase(" or "), (_KINDS[kind] for kind in kinds))
            )
        case "enum":
            return phrase("must be one of {listed}", listed=_listed(wanted))
        case "minLength" | "minItems" | "minProperties" if wanted == 1:
            return phrase("must not be empty")
        case _:
            return phrase("{library}", library=error.message[:MAX_DETAIL])


def _listed(words: list[Any]) -> str:
    return ", ".join(f"`{word}`" for word in words)


@cache
def _validator(_name: str, schema: str) -> jsonschema.Draft202012Validator:
    told = {**orjson.loads(schema), "components": {"schemas": COMPONENTS}}
    return jsonschema.Draft202012Validator(told)


def _text_of(parameter: Parameter, request: web.Request) -> str | None:
    name = parameter.name
    found: Mapping[str, Any]
    match parameter.where:
        case Where.PATH:
            return request.match_info[name]
        case Where.HEADER:
            return request.headers.get(name)
        case Where.QUERY:
            found = request.query
            if len(request.query.getall(name, [])) > 1:
                raise Problem(
                    "bad-parameter", phrase("`{name}` is given twice", name=name), parameter=name
                )
            text = found.get(name)
            return None if text is None else str(text)


def _taken(parameter: Parameter, text: str) -> Any:
    try:
        _check_length(parameter.schema, text)
        return parameter.take(text)
    except ValueError as error:
        raise Problem(
            parameter.kind,
            phrase("{name}: {error}", name=parameter.name, error=error),
            parameter=parameter.name,
        ) from error


def _check_length(schema: Schema, text: str) -> None:
    """Raise ValueError unless a text is as long as its schema says."""
    least, most = schema.get("minLength", 0), schema.get("maxLength", len(text))
    if not least <= len(text) <= most:
        message = phrase(
            "has {count} characters, not {least} to {most}", count=len(text), least=least, most=most
        )
        raise ValueError(message)
