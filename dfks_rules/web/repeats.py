"""Requests with an Idempotency-Key: whoever asks again gets the same answer, and nothing happens
twice.

A server that is killed after it has done what was asked, and before the answer is kept, does it
again: a state that is set again has not changed.

Reference: draft-ietf-httpapi-idempotency-key-header-07
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import orjson
import structlog
from aiohttp import web

from dfks_rules.errors import DfksError, StoreError
from dfks_rules.operations.answers import MAX_BODY, UNDER_WAY, Answers, KeptAnswer
from dfks_rules.phrases.phrase import phrase
from dfks_rules.web.bodies import BodyStream
from dfks_rules.web.problem import CONTENT_TYPE, Problem, problem_of
from dfks_rules.web.table import JSON, SMALL, Answer, Operation, Streamed, Where, json_line

_log = structlog.get_logger("dfks.web")
_PASSING = frozenset((409, 429, 501))
"""What another try may be answered otherwise; as all of 500 and above."""


class Asked(NamedTuple):
    """A request with a key."""

    known: bytes
    """Hash of what is known of it when it comes."""
    rest: BodyStream | None = None
    """Its body, if the operation reads it by itself; None: it is known."""

    @property
    def is_read(self) -> bool:
        """Whether all of it was read: otherwise nobody can tell whether another one is the same."""
        return self.rest is None or self.rest.is_whole

    async def whole(self) -> bytes:
        """Hash of all of it.

        Raises:
            Problem: the rest of it does not come.
        """
        if self.rest is None:
            return self.known
        return hashlib.sha256(self.known + await self.rest.digest()).digest()


async def asked_of(operation: Operation, request: web.Request, stream: BodyStream) -> Asked:
    """What tells a request from others with the same key."""
    headers = {
        one.name: request.headers[one.name]
        for one in operation.parameters
        if one.where is Where.HEADER and one.name in request.headers
    }
    hash_ = partial(hash_of, request.method, request.path_qs, headers)
    if operation.body is not None and operation.body.schema is None:
        return Asked(hash_(b""), stream)
    body = await request.read()
    return Asked(hash_(body) if len(body) <= SMALL else await asyncio.to_thread(hash_, body))


class Repeats:
    """Knows which requests are under way, and keeps the answers of the others."""

    def __init__(self) -> None:
        self._under_way: dict[tuple[str, str], bytes] = {}
        """Caller and key → what is known of the request."""
        self._counts: Counter[str] = Counter(answers_repeated=0, answers_not_kept=0)

    @property
    def counts(self) -> Mapping[str, int]:
        """How often an answer was given again, and how many could not be kept."""
        return self._counts

    async def once(
        self,
        answers: Answers,
        who: tuple[str, str],
        asked: "Asked",
        run: Callable[[], Awaitable[Answer | Streamed]],
    ) -> Answer | Streamed:
        """The answer to a request that is carried out once.

        Args:
            answers: where they are kept.
            who: name of the caller, and the key.
            asked: the request.
            run: carries it out.

        Raises:
            Problem: the key belongs to another request, or this one is under way; or its own.
            DfksError: its own.
        """
        if who in self._under_way:
            raise _under_way(self._under_way[who], asked)
        self._under_way[who] = asked.known
        try:
            kept = await answers.begin(*who, asked.known)
            if kept is None:
                return await self._answered(answers, who, asked, run)
        finally:
            del self._under_way[who]
        if kept.status == UNDER_WAY:
            raise _under_way(kept.request, asked)
        if kept.request != await asked.whole():
            raise Problem("idempotency-key-reused")
        self._counts["answers_repeated"] += 1
        return Answer(kept.body, kept.status, kept.headers)

    async def _answered(
        self,
        answers: Answers,
        who: tuple[str, str],
        asked: "Asked",
        run: Callable[[], Awaitable[Answer | Streamed]],
    ) -> Answer | Streamed:
        """What comes of a request that has begun; it is kept if it is final."""
        is_kept = False
        try:
            answer = await _final(run)
            if isinstance(answer, Answer) and asked.is_read and not _is_passing(answer):
                is_kept = await self._keep(answers, who, await asked.whole(), answer)
            return answer
        finally:
            if not is_kept:
                with suppress(StoreError):  # Then it is given up elsewhere after a while.
                    await answers.drop(*who)

    async def _keep(
        self, answers: Answers, who: tuple[str, str], request: bytes, answer: Answer
    ) -> bool:
        """Keep an answer, which is told in any case, since it is true; whether it is kept."""
        body = answer.body
        assert isinstance(body, bytes)  # noqa: S101 - `_final` made it so
        try:
            if len(body) > MAX_BODY:
                raise StoreError(
                    "store_unavailable", phrase("its {count} bytes are too many", count=len(body))
                )
            await answers.keep(*who, KeptAnswer(request, answer.status, answer.headers, body))
        except StoreError as error:
            self._counts["answers_not_kept"] += 1
            _log.warning("answer_not_kept", caller=who[0], reason=error.message)
            return False
        return True


def _under_way(known: bytes, asked: Asked) -> Problem:
    """What a client is told whose key a request has that is carried out now."""
    return Problem("under-way" if known == asked.known else "idempotency-key-reused")


def _is_passing(answer: Answer) -> bool:
    """Whether another try may be answered otherwise."""
    return answer.status >= 500 or answer.status in _PASSING


async def _final(run: Callable[[], Awaitable[Answer | Streamed]]) -> Answer | Streamed:
    """What comes of a request, with its body as bytes; a failure of the caller's is an answer."""
    try:
        answer = await run()
    except Problem as problem:
        return _of_problem(problem)
    except DfksError as error:
        return _of_problem(problem_of(error))
    if isinstance(answer, Streamed) or isinstance(answer.body, bytes):
        return answer
    if answer.body is None:
        return answer._replace(body=b"")
    headers = {"Content-Type": JSON, **answer.headers}
    return Answer(json_line(answer.body), answer.status, headers)


def _of_problem(problem: Problem) -> Answer:
    headers = {"Content-Type": CONTENT_TYPE, **problem.headers}
    return Answer(json_line(problem.body), problem.status, headers)


def hash_of(method: str, path: str, headers: Mapping[str, str], body: bytes) -> bytes:
    """What tells requests apart.

    Args:
        method: e.g. `PUT`.
        path: with its query, as it came.
        headers: those that change what is done.
        body: as it came.
    """
    told = orjson.dumps([method, path, dict(headers)], option=orjson.OPT_SORT_KEYS)
    return hashlib.sha256(b"%d:%b%b" % (len(told), told, body)).digest()
