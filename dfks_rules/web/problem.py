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
    "bad-cursor": Kind(400, "This is not a cursor of this list"),
    "bad-parameter": Kind(400, "A parameter is wrong"),
    "bad-request": Kind(400, "This is no HTTP request that can be served"),
    "not-json": Kind(400, "The body is not JSON"),
    "token-needed": Kind(401, "A token is needed"),
    "scope-missing": Kind(403, "The token may not do this"),
    "refused-by-policy": Kind(403, "A policy refuses this"),
    "wrong-host": Kind(403, "The Host header names another server"),
    "not-found": Kind(404, "There is no such thing"),
    "no-such-feature": Kind(404, "There is no such feature"),
    "method-not-allowed": Kind(405, "This cannot be done with it"),
    "under-way": Kind(409, "The request with this Idempotency-Key is under way"),
    "conflict": Kind(409, "Somebody else changes it at the same time"),
    "too-many": Kind(409, "There are as many as there may be"),
    "policies-unusable": Kind(409, "The policies cannot be used"),
    "changed-meanwhile": Kind(412, "It has changed meanwhile"),
    "too-slow": Kind(408, "The body does not come"),
    "too-large": Kind(413, "The body is too large"),
    "wrong-content-type": Kind(415, "The body has another content type"),
    "invalid-body": Kind(422, "The body does not fit the schema"),
    "value-not-of-feature": Kind(422, "The feature does not take this value"),
    "idempotency-key-reused": Kind(422, "The Idempotency-Key belongs to another request"),
    "too-many-requests": Kind(429, "Too many requests"),
    "internal-error": Kind(500, "The server failed"),
    "not-kept": Kind(501, "This server does not keep it"),
    "no-cluster": Kind(501, "This server shares its store with no other"),
    "store-unavailable": Kind(503, "The store cannot be used now"),
    "too-many-connections": Kind(503, "Too many connections"),
    "too-many-listeners": Kind(503, "Too many listen already"),
    "gave-up": Kind(503, "It took too long"),
}
"""Name of a kind → what it is. A name is never used for anything else."""

_OF_CODE = {
    "store_unavailable": "store-unavailable",
    "store_not_known": "store-unavailable",
    "store_fenced": "store-unavailable",
    "store_no_cluster": "no-cluster",
    "store_no_journal": "not-kept",
    "store_conflict": "conflict",
    "store_changed": "changed-meanwhile",
    "store_not_a_database": "store-unavailable",
    "store_older_version": "store-unavailable",
    "store_newer_version": "store-unavailable",
    "policy_closed": "policies-unusable",
    "policy_invalid": "policies-unusable",
    "policy_no_revision": "not-found",
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
