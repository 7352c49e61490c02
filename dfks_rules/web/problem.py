"""How requests fail: problem details (RFC 9457), with a type for each kind of failure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from dfks_rules.errors import MAX_TOLD, DfksError, FindingsError
from dfks_rules.phrases.phrase import Phrase, phrase
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
    "bad-presentity": Kind(400, phrase("This is not an address of record")),
    "bad-cursor": Kind(400, phrase("The cursor is not valid for this list")),
    "bad-parameter": Kind(400, phrase("A parameter is not valid")),
    "bad-request": Kind(400, phrase("The request is malformed or not supported")),
    "not-json": Kind(400, phrase("The body is not JSON")),
    "token-needed": Kind(401, phrase("A valid token is required")),
    "scope-missing": Kind(403, phrase("The token does not allow this")),
    "refused-by-policy": Kind(403, phrase("A policy refuses this")),
    "wrong-host": Kind(403, phrase("The Host header names another server")),
    "wrong-origin": Kind(403, phrase("A page of another site may not do this")),
    "not-found": Kind(404, phrase("Not found")),
    "no-such-feature": Kind(404, phrase("There is no such feature")),
    "method-not-allowed": Kind(405, phrase("Method not allowed")),
    "under-way": Kind(409, phrase("A request with this Idempotency-Key is in progress")),
    "conflict": Kind(409, phrase("Another client changed it at the same time")),
    "too-many": Kind(409, phrase("The limit is reached")),
    "policies-unusable": Kind(409, phrase("The policies cannot be used")),
    "rollout-decides": Kind(409, phrase("All nodes follow a rollout")),
    "goal-moved": Kind(409, phrase("Something else is followed than what was to be rolled back")),
    "nodes-differ": Kind(409, phrase("Single nodes follow policies of their own")),
    "changed-meanwhile": Kind(412, phrase("The presentity has changed")),
    "too-slow": Kind(408, phrase("The body took too long")),
    "expectation-failed": Kind(417, phrase("The server supports only `Expect: 100-continue`")),
    "too-large": Kind(413, phrase("The body is too large")),
    "wrong-content-type": Kind(415, phrase("The content type is not supported")),
    "invalid-body": Kind(422, phrase("The body does not fit the schema")),
    "value-not-of-feature": Kind(422, phrase("The feature does not take this value")),
    "idempotency-key-reused": Kind(422, phrase("The Idempotency-Key was used for another request")),
    "too-many-requests": Kind(429, phrase("Too many requests")),
    "too-many-streams": Kind(429, phrase("This token listens too often at the same time")),
    "internal-error": Kind(500, phrase("The server failed")),
    "needs-shared-store": Kind(501, phrase("This needs a store that several nodes share")),
    "elsewhere": Kind(421, phrase("Another node does this")),
    "not-kept": Kind(501, phrase("This server does not keep it")),
    "store-unavailable": Kind(503, phrase("The store is not available")),
    "too-many-connections": Kind(503, phrase("Too many connections")),
    "too-many-listeners": Kind(503, phrase("Too many listeners")),
    "gave-up": Kind(503, phrase("The answer took too long")),
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
    if isinstance(text, Phrase):
        return text.made_with(
            {n: _storable(v) if isinstance(v, str) else v for n, v in text.values.items()}
        )
    return text.encode(errors="replace").decode()


def type_of(kind: str) -> str:
    """The URI of a kind: a name, not a place."""
    return f"urn:dfks:problem:{kind}"


def problem_of(error: DfksError) -> Problem:
    """What a client is told of one of the server's errors."""
    kind = _OF_CODE.get(error.code, "internal-error")
    # What a database or a system says is English, and is told as such.
    message = error.message
    detail = message if isinstance(message, Phrase) else phrase("{told}", told=message)
    if isinstance(error, ChangedError):
        etag = f'"{error.revision}"'
        return Problem(kind, detail, {"ETag": etag}, revision=error.revision)
    if isinstance(error, FindingsError):
        findings = [finding._asdict() for finding in error.findings[:MAX_TOLD]]
        return Problem(kind, str(error.findings[0]), findings=findings)
    return Problem(kind, detail)
