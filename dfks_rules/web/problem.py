"""How requests fail: problem details (RFC 9457), with a type for each kind of failure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from dfks_rules.errors import MAX_TOLD, DfksError, FindingsError
from dfks_rules.service.ports import ChangedError

CONTENT_TYPE = "application/problem+json"
RETRY_AFTER = 2
"""Seconds after which whoever was turned away may ask again."""


class Kind(NamedTuple):
    """A kind of failure."""

    status: int
    title: str
    """One sentence for people."""


KINDS: Mapping[str, Kind] = {
    "bad-presentity": Kind(400, "This is not an address of record"),
    "bad-cursor": Kind(400, "The cursor is not valid for this list"),
    "bad-parameter": Kind(400, "A parameter is not valid"),
    "bad-request": Kind(400, "The request is malformed or not supported"),
    "not-json": Kind(400, "The body is not JSON"),
    "token-needed": Kind(401, "A valid token is required"),
    "scope-missing": Kind(403, "The token does not allow this"),
    "refused-by-policy": Kind(403, "A policy refuses this"),
    "wrong-host": Kind(403, "The Host header names another server"),
    "wrong-origin": Kind(403, "A page of another site may not do this"),
    "not-found": Kind(404, "Not found"),
    "no-such-feature": Kind(404, "There is no such feature"),
    "method-not-allowed": Kind(405, "Method not allowed"),
    "under-way": Kind(409, "A request with this Idempotency-Key is in progress"),
    "conflict": Kind(409, "Another client changed it at the same time"),
    "too-many": Kind(409, "The limit is reached"),
    "policies-unusable": Kind(409, "The policies cannot be used"),
    "rollout-decides": Kind(409, "All nodes follow a rollout"),
    "goal-moved": Kind(409, "Something else is followed than what was to be rolled back"),
    "nodes-differ": Kind(409, "Single nodes follow policies of their own"),
    "changed-meanwhile": Kind(412, "The presentity has changed"),
    "too-slow": Kind(408, "The body took too long"),
    "expectation-failed": Kind(417, "The server supports only `Expect: 100-continue`"),
    "too-large": Kind(413, "The body is too large"),
    "wrong-content-type": Kind(415, "The content type is not supported"),
    "invalid-body": Kind(422, "The body does not fit the schema"),
    "value-not-of-feature": Kind(422, "The feature does not take this value"),
    "idempotency-key-reused": Kind(422, "The Idempotency-Key was used for another request"),
    "too-many-requests": Kind(429, "Too many requests"),
    "too-many-streams": Kind(429, "This token listens too often at the same time"),
    "internal-error": Kind(500, "The server failed"),
    "needs-shared-store": Kind(501, "This needs a store that several nodes share"),
    "elsewhere": Kind(421, "Another node does this"),
    "not-kept": Kind(501, "This server does not keep it"),
    "store-unavailable": Kind(503, "The store is not available"),
    "too-many-connections": Kind(503, "Too many connections"),
    "too-many-listeners": Kind(503, "Too many listeners"),
    "gave-up": Kind(503, "The answer took too long"),
}
"""Name of a kind → what it is. A name is never used for anything else."""

_OF_CODE = {
    "store_unavailable": "store-unavailable",
    "store_not_known": "store-unavailable",
    "store_fenced": "store-unavailable",
    "webhooks_elsewhere": "elsewhere",
    "store_no_journal": "not-kept",
    "store_not_shared": "needs-shared-store",
    "store_conflict": "conflict",
    "store_changed": "changed-meanwhile",
    "store_not_a_database": "store-unavailable",
    "store_older_version": "store-unavailable",
    "store_newer_version": "store-unavailable",
    "policy_closed": "policies-unusable",
    "policy_invalid": "policies-unusable",
    "policy_no_revision": "not-found",
    "policy_no_node": "not-found",
    "policy_no_goal": "not-found",
    "policy_goal": "rollout-decides",
    "policy_goal_moved": "goal-moved",
    "policy_canary": "nodes-differ",
    "policy_engine": "policies-unusable",
    "facts_invalid": "invalid-body",
    "worker_busy": "too-many-requests",
    "worker_gave_up": "gave-up",
    "config_invalid": "internal-error",
}
"""Code of a `DfksError` → kind."""


class Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """A request failed; says what the client is told."""

    def __init__(
        self,
        kind: str,
        detail: str | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        """Make one.

        Args:
            kind: one of `KINDS`.
            detail: what is wrong with this request, for people.
            headers: of the response.
            more: members of the problem beside the usual ones.
        """
        self.status, self.title = KINDS[kind]
        super().__init__(f"{kind}: {detail or self.title}")
        self.kind = kind
        self.detail = None if detail is None else _storable(detail)
        self.headers = dict(headers or {})
        if self.status in (429, 503):
            self.headers.setdefault("Retry-After", str(RETRY_AFTER))
        self.more = {
            name: _storable(value) if isinstance(value, str) else value
            for name, value in more.items()
        }

    @property
    def body(self) -> dict[str, Any]:
        """The problem as JSON."""
        told = {"type": type_of(self.kind), "title": self.title, "status": self.status}
        if self.detail is not None:
            told["detail"] = self.detail
        return told | self.more


def _storable(text: str) -> str:
    """Text without what came as bytes that are no UTF-8."""
    return text.encode(errors="replace").decode()


def type_of(kind: str) -> str:
    """The URI of a kind: a name, not a place."""
    return f"urn:dfks:problem:{kind}"


def problem_of(error: DfksError) -> Problem:
    """What a client is told of one of the server's errors."""
    kind = _OF_CODE.get(error.code, "internal-error")
    if isinstance(error, ChangedError):
        etag = f'"{error.revision}"'
        return Problem(kind, error.message, {"ETag": etag}, revision=error.revision)
    if isinstance(error, FindingsError):
        told = [finding._asdict() for finding in error.findings[:MAX_TOLD]]
        return Problem(kind, str(error.findings[0]), findings=told)
    return Problem(kind, error.message)
