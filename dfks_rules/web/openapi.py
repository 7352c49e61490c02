"""The OpenAPI 3.1 document, made from the table of operations."""

from collections.abc import Iterable, Mapping
from typing import Any

from dfks_rules import __version__
from dfks_rules.web.problem import CONTENT_TYPE, KINDS
from dfks_rules.web.schemas import COMPONENTS, ref
from dfks_rules.web.table import JSON, Operation, Parameter, Reply, Where

_DESCRIPTION = (
    "Feature keys of SIP phones: read them, set them, and be told when they change. "
    "Inside `/v1` things are only added. "
    "With `Accept-Language: de`, what is meant for people is German; names and codes are not."
)


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """The document of these operations."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "dfks-rules",
            "version": __version__.partition("+")[0],
            "description": _DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": COMPONENTS,
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "Made by `dfks token create`.",
                }
            },
        },
    }


def problems_of(operation: Operation) -> list[str]:
    """The kinds of failure that an operation can have."""
    kinds = {
        "bad-parameter",
        "bad-request",
        "expectation-failed",
        "too-many-connections",
        "wrong-host",
        "too-many-requests",
        "internal-error",
        *operation.problems,
    }
    if operation.method != "GET":
        kinds.add("wrong-origin")
    kinds |= {parameter.kind for parameter in operation.parameters}
    if any(parameter.name in ("aor", "presentity", "domain") for parameter in operation.parameters):
        kinds.add("not-found")
    if operation.streams:
        kinds |= {"too-many-listeners", "too-many-streams"}
    if operation.scope is not None:
        kinds |= {"token-needed", "scope-missing"}
    if operation.body is not None:
        kinds |= {"too-large", "too-slow", "wrong-content-type"}
        if operation.body.schema is not None:
            kinds |= {"not-json", "invalid-body"}
    if operation.method in ("POST", "PUT", "PATCH"):
        kinds.add("too-large")
    return sorted(kinds, key=lambda kind: (KINDS[kind].status, kind))


def _operation(operation: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
        "security": [] if operation.scope is None else [{"token": []}],
        "responses": _responses(operation),
    }
    if operation.description:
        told["description"] = operation.description
    if operation.scope is not None:
        told["x-scope"] = operation.scope.value
    if operation.parameters:
        told["parameters"] = [_parameter(parameter) for parameter in operation.parameters]
    if operation.body is not None:
        schema = operation.body.schema
        told["requestBody"] = {
            "required": operation.body.is_needed,
            "content": {
                kind: {"schema": schema or {"type": "string"}} for kind in operation.body.types
            },
        }
    return told


def _parameter(parameter: Parameter) -> dict[str, Any]:
    return {
        "name": parameter.name,
        "in": parameter.where.value,
        "required": parameter.where is Where.PATH,
        "description": parameter.description,
        "schema": parameter.schema,
    }


def _responses(operation: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {str(r.status): _reply(r, operation) for r in operation.replies}
    by_status: dict[int, list[str]] = {}
    for kind in problems_of(operation):
        by_status.setdefault(KINDS[kind].status, []).append(kind)
    for status, kinds in by_status.items():
        description = "; ".join(f"`{kind}`: {KINDS[kind].title}" for kind in kinds)
        content = {CONTENT_TYPE: {"schema": ref("Problem")}}
        # A reply of its own may have the same status: `/readyz` says 503.
        other = told.get(str(status))
        if other is not None:
            description = f"{other['description']} Or {description}"
            content = {**other.get("content", {}), **content}
        told[str(status)] = {"description": description, "content": content}
    return told


def _reply(reply: Reply, operation: Operation) -> dict[str, Any]:
    told: dict[str, Any] = {"description": reply.description}
    if reply.schema is not None:
        told["content"] = {JSON: {"schema": reply.schema}}
    elif reply.types != (JSON,):
        told["content"] = {kind: {"schema": {"type": "string"}} for kind in reply.types}
    if reply.headers:
        told["headers"] = {name: {"schema": {"type": "string"}} for name in reply.headers}
    if operation.follows and reply.status < 300:
        told["links"] = {name: _link(*link) for name, link in operation.follows.items()}
    return told


def _link(operation: str, parameters: Mapping[str, str]) -> dict[str, Any]:
    return {"operationId": operation, "parameters": dict(parameters)}
