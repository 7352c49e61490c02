"""JSON-RPC 2.0: bytes → calls, and replies → bytes. No input makes this fail.

Reference: JSON-RPC 2.0 §4 (requests), §5 (responses), §6 (batches)
"""

import json
import math
from typing import Any, NamedTuple, NoReturn

from dfks_rules.mi.errors import INVALID_REQUEST, PARSE_ERROR, TOO_LARGE, CallError

MAX_REQUEST = 64 * 1024
"""Longest request in bytes, over any transport; a set takes a few hundred."""
MAX_BATCH = 64
"""Most calls in one batch."""

Id = str | int | float | None
Params = list[Any] | dict[str, Any]


class Call(NamedTuple):
    """One well-formed call."""

    method: str
    params: Params
    """By position or by name; an empty mapping when none are given."""
    id: Id
    is_notification: bool
    """Whether the caller wants no reply."""


class Reply(NamedTuple):
    """The result of one call, or why a request is not a call."""

    id: Id
    result: Any
    """None when it failed."""
    error: CallError | None = None


class Request(NamedTuple):
    """The content of one message: a single call or a batch."""

    items: tuple[Call | Reply, ...]
    """In the order received; a `Reply` already says what is wrong."""
    is_batch: bool = False


def parse(data: bytes) -> Request:
    """The calls in a request; anything that is not a call becomes a reply with the error."""
    if len(data) > MAX_REQUEST:
        return Request((request_too_large(),))
    try:
        value = json.loads(data.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return Request((Reply(None, None, CallError(PARSE_ERROR, "Parse error", "not JSON")),))
    if not isinstance(value, list):
        return Request((_parse_call(value),))
    if not 0 < len(value) <= MAX_BATCH:
        return Request((_invalid(None, f"a batch must contain 1 to {MAX_BATCH} calls"),))
    return Request(tuple(_parse_call(item) for item in value), is_batch=True)


def request_too_large() -> Reply:
    """The reply to a request that is too long to be read."""
    too_large = CallError(TOO_LARGE, "Request too large", f"at most {MAX_REQUEST} bytes")
    return Reply(None, None, too_large)


def render(replies: list[Reply], *, is_batch: bool) -> bytes | None:
    """The replies on one line without a line end, or None when there is nothing to reply."""
    if not replies:
        return None
    values = [_value_of(reply) for reply in replies]
    # ASCII only: a caller's text may contain half a surrogate pair, which UTF-8 cannot carry.
    return json.dumps(values if is_batch else values[0], separators=(",", ":")).encode()


def _parse_call(value: Any) -> Call | Reply:
    if not isinstance(value, dict):
        return _invalid(None, "a call must be an object")
    id_, method, params = value.get("id"), value.get("method"), value.get("params", {})
    if not _is_id(id_):
        return _invalid(None, "`id` is not a string, a number or null")
    if value.get("jsonrpc") != "2.0":
        return _invalid(id_, "`jsonrpc` is not `2.0`")
    if not isinstance(method, str):
        return _invalid(id_, "`method` is not a string")
    if not isinstance(params, list | dict):
        return _invalid(id_, "`params` is neither an array nor an object")
    return Call(method, params, id_, is_notification="id" not in value)


def _invalid(id_: Id, reason: str) -> Reply:
    return Reply(id_, None, CallError(INVALID_REQUEST, "Invalid Request", reason))


def _is_id(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or (isinstance(value, str | int) and not isinstance(value, bool))


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is not JSON"
    raise ValueError(message)


def _value_of(reply: Reply) -> dict[str, Any]:
    if reply.error is None:
        return {"jsonrpc": "2.0", "result": reply.result, "id": reply.id}
    error = {"code": reply.error.code, "message": reply.error.message}
    if reply.error.data is not None:
        error["data"] = reply.error.data
    return {"jsonrpc": "2.0", "error": error, "id": reply.id}
