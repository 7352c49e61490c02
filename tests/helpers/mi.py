"""Calls to a dispatcher as values rather than bytes."""

import json
from typing import Any

from dfks_rules.mi.dispatch import Dispatcher
from dfks_rules.mi.methods import REGISTRY
from tests.helpers.operations import MemoryOperations


def dispatcher(operations: MemoryOperations | None = None) -> Dispatcher:
    """A dispatcher with all methods, on a server without SIP."""
    return Dispatcher(REGISTRY, operations or MemoryOperations())


def request(method: str, params: Any = None) -> bytes:
    """One call, as opensips-cli writes it."""
    given = {} if params is None else params
    call = {"jsonrpc": "2.0", "id": "7", "method": method, "params": given}
    return json.dumps(call).encode()


async def reply(operations: MemoryOperations, method: str, params: Any = None) -> dict[str, Any]:
    """The whole reply to one call."""
    line = await dispatcher(operations).answer(request(method, params))
    assert line is not None
    value: dict[str, Any] = json.loads(line)
    return value


async def result(operations: MemoryOperations, method: str, params: Any = None) -> Any:
    """The result of a call that must succeed."""
    value = await reply(operations, method, params)
    assert "error" not in value, value
    return value["result"]


async def error(operations: MemoryOperations, method: str, params: Any = None) -> dict[str, Any]:
    """The error of a call that must fail."""
    value = await reply(operations, method, params)
    found: dict[str, Any] = value["error"]
    return found
