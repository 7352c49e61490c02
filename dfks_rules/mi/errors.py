"""How calls fail, and what the server's errors mean to a JSON-RPC client.

Reference: JSON-RPC 2.0 §5.1
"""

from typing import Any

from dfks_rules.errors import DfksError, MalformedMessageError

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
BAD_REQUEST = 400
REFUSED = 403
NOT_FOUND = 404
TOO_LARGE = 413
NOT_SUPPORTED = 501
UNAVAILABLE = 503

MESSAGES: dict[str, tuple[int, str]] = {
    "store_unavailable": (UNAVAILABLE, "Store unavailable"),
    "store_not_known": (UNAVAILABLE, "Store unavailable"),
    "store_fenced": (UNAVAILABLE, "Store taken over"),
    "webhooks_elsewhere": (421, "Another node does this"),
    "store_no_journal": (NOT_SUPPORTED, "No journal"),
    "store_not_shared": (NOT_SUPPORTED, "No shared store"),
    "store_conflict": (409, "Changed concurrently"),
    "store_changed": (409, "Changed meanwhile"),
    "store_not_a_database": (UNAVAILABLE, "Store unavailable"),
    "store_older_version": (UNAVAILABLE, "Store unavailable"),
    "store_newer_version": (UNAVAILABLE, "Store unavailable"),
    "policy_closed": (UNAVAILABLE, "Policies are being replaced"),
    "policy_engine": (500, "Invalid policies"),
    "facts_invalid": (INVALID_PARAMS, "Invalid params"),
    "worker_busy": (UNAVAILABLE, "Too many ask at the same time"),
    "worker_gave_up": (UNAVAILABLE, "It took too long"),
    "policy_invalid": (500, "Invalid policies"),
    "policy_no_revision": (NOT_FOUND, "No such revision"),
    "policy_goal": (409, "A rollout decides"),
    "policy_no_node": (NOT_FOUND, "No such node"),
    "policy_no_goal": (NOT_FOUND, "No rollout"),
    "policy_goal_moved": (409, "The goal has moved"),
    "policy_canary": (409, "Nodes differ on purpose"),
    "config_invalid": (500, "Invalid settings"),
}
"""Code of a `DfksError` → code and message of a JSON-RPC error."""


class CallError(Exception):
    """A call failed; says what the client is told."""

    def __init__(self, code: int, message: str, data: Any = None) -> None:
        super().__init__(f"{code} {message}" + (f": {data}" if data is not None else ""))
        self.code = code
        self.message = message
        self.data = data
        """Details as any JSON value; None when there are none."""


def invalid_params(reason: str) -> CallError:
    """The error for parameters that do not fit, with the reason."""
    return CallError(INVALID_PARAMS, "Invalid params", reason)


def translate(error: DfksError) -> CallError:
    """The error a client gets for one of the server's errors."""
    if isinstance(error, MalformedMessageError):
        return invalid_params(error.message)
    code, message = MESSAGES.get(error.code, (500, "Server failure"))
    return CallError(code, message, error.message)
