"""Asks the worker process; starts it when it is needed, and ends it when it takes too long."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Mapping, Sequence

import orjson
import structlog

from dfks_rules.app.desk.apart import deaf
from dfks_rules.app.desk.behind import command_of
from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.app.worker.questions import (
    LENGTH,
    MAX_ANSWER,
    Kind,
    Know,
    Question,
    Spoken,
    asked,
)
from dfks_rules.errors import DfksError, Finding, PolicyError
from dfks_rules.operations.studies import FactsError, GaveUpError, OneAtATimeError
from dfks_rules.phrases.german import ENGLISH
from dfks_rules.phrases.phrase import phrase

NICENESS = 5
"""Phones come first, and so does a reload of policies."""
COMMAND = command_of("dfks_rules.app.worker.process", NICENESS)
START = 30.0
"""Seconds until the process can be asked, on a busy machine."""
MOST_REVISIONS = 2
"""Revisions that one question may be about."""
MAX_WAITING = 16
"""Questions that wait for their turn, at most."""
MAX_WAIT = 10.0
"""Seconds for which one waits."""

_log = structlog.get_logger("dfks.worker")


class Worker:
    """The process, seen from the server."""

    def __init__(
        self,
        files_of: Callable[[str], PolicyFiles | None],
        command: Sequence[str] = COMMAND,
        *,
        start: float = START,
        wait: float = MAX_WAIT,
        patience: float = 1.0,
    ) -> None:
        """Nothing is started yet.

        Args:
            files_of: the files of a revision of policies, while it is kept.
            command: what to run; the id of this process is added.
            start: seconds until it can be asked.
            wait: seconds for which a question waits for its turn.
            patience: factor on the limit of each question.
        """
        self._files_of = files_of
        self._command = command
        self._start_within = start
        self._wait = wait
        self._patience = patience
        self._process: asyncio.subprocess.Process | None = None
        self._is_closed = False
        self._turn = asyncio.Lock()
        self._askers: set[str] = set()
        self._counts = {"questions": 0, "starts": 0, "gave_up": 0, "refused": 0}

    @property
    def counts(self) -> Mapping[str, int]:
        """What became of questions, since the start."""
        return self._counts

    @property
    def pid(self) -> int | None:
        """The process; None when none runs."""
        return None if self._process is None else self._process.pid

    async def ask(self, question: Question, asker: str, language: str = ENGLISH) -> bytes:
        """The answer to a question, as JSON.

        Args:
            question: what is asked.
            asker: who asks; one question of his is answered at a time.
            language: in which he reads the answer.

        Raises:
            OneAtATimeError: he has asked something that is not answered yet.
            DfksError: a revision is no longer kept (`policy_no_revision`).
            GaveUpError: too many ask, it took too long, or the process died of it.
            PolicyError: the policies cannot be used.
            FactsError: the facts are not those of a request.
        """
        if asker in self._askers:
            self._counts["refused"] += 1
            raise OneAtATimeError
        if len(self._askers) >= MAX_WAITING:
            self._counts["refused"] += 1
            raise GaveUpError(phrase("too many questions wait"))
        self._askers.add(asker)
        try:
            if language != ENGLISH:
                question = Spoken(question, language)
            return await self._in_turn(question)
        finally:
            self._askers.discard(asker)

    async def _in_turn(self, question: Question) -> bytes:
        try:
            await asyncio.wait_for(self._turn.acquire(), self._wait)
        except TimeoutError:
            self._counts["refused"] += 1
            raise GaveUpError(
                phrase("other questions took longer than {seconds} s", seconds=f"{self._wait:g}")
            ) from None
        try:
            if self._is_closed:
                raise GaveUpError(phrase("the server stops"))
            self._counts["questions"] += 1
            return await self._answered(question)
        finally:
            self._turn.release()

    async def _answered(self, question: Question) -> bytes:
        kind, told = await self._exchange(question)
        # A comparison may be about two revisions, each of which it asks for.
        for _ in range(MOST_REVISIONS):
            if kind is not Kind.UNKNOWN:
                break
            revision = told.decode()
            files = self._files_of(revision)
            if files is None:
                message = phrase(
                    "the policies of revision {revision} are no longer in memory", revision=revision
                )
                raise DfksError("policy_no_revision", message)
            _result(*await self._exchange(Know(revision, files)))
            kind, told = await self._exchange(question)
        return _result(kind, told)

    async def close(self) -> None:
        """End the process; whoever waits for an answer is told that there is none."""
        self._is_closed = True
        if self._process is not None:
            _kill(self._process)
        async with self._turn:
            await self._end()

    async def _end(self) -> None:
        """End the process; nobody reads what it says."""
        process, self._process = self._process, None
        if process is None:
            return
        _kill(process)
        # Until its pipes are read to the end, asyncio waits for it forever.
        with contextlib.suppress(ConnectionError):
            await process.communicate()

    async def _exchange(self, question: Question) -> tuple[Kind, bytes]:
        """What the process answers to one question."""
        begun = time.monotonic()
        limit = question.limit * self._patience
        try:
            process = await self._running()
            assert process.stdin is not None  # noqa: S101 - it is a pipe
            async with asyncio.timeout(limit):
                for piece in asked(question):
                    process.stdin.write(piece)
                    await process.stdin.drain()
                    await asyncio.sleep(0)
                return await _read(process)
        except (OSError, EOFError) as error:
            await self._end()
            self._counts["gave_up"] += 1
            took = time.monotonic() - begun
            what = _what_became(error, limit)
            asked_for = question.question if isinstance(question, Spoken) else question
            name = type(asked_for).__name__.lower()
            _log.warning("worker_gave_up", question=name, reason=what, seconds=round(took, 1))
            raise GaveUpError(phrase("the worker process {what}", what=what)) from error
        except BaseException:
            # Its answer would be taken for that to the next question.
            await self._end()
            raise

    async def _running(self) -> asyncio.subprocess.Process:
        """The process; it can be asked.

        Raises:
            OSError, EOFError: it does not get there.
        """
        if self._process is not None and self._process.returncode is None:
            return self._process
        await self._end()
        self._counts["starts"] += 1
        with deaf():
            self._process = process = await asyncio.create_subprocess_exec(
                *self._command,
                str(os.getpid()),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
        if self._is_closed:
            raise ConnectionError  # It was closed while the process began.
        async with asyncio.timeout(self._start_within):
            await _read(process)
        return process


def _what_became(error: OSError | EOFError, limit: float) -> str:
    """What became of the process, in words of people."""
    if isinstance(error, TimeoutError):
        return phrase("took longer than {seconds} s", seconds=f"{limit:g}")
    if isinstance(error, ConnectionError | EOFError):
        return phrase("died")
    return phrase("cannot be started: {problem}", problem=error.strerror or error)


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()


async def _read(process: asyncio.subprocess.Process) -> tuple[Kind, bytes]:
    """One answer.

    Raises:
        EOFError: the process has ended, or answers nonsense.
    """
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    (length,) = LENGTH.unpack(await process.stdout.readexactly(LENGTH.size))
    if not 1 <= length <= MAX_ANSWER:
        raise EOFError
    try:
        kind = Kind(await process.stdout.readexactly(1))
    except ValueError:
        raise EOFError from None
    return kind, await process.stdout.readexactly(length - 1)


def _result(kind: Kind, told: bytes) -> bytes:
    match kind:
        case Kind.DONE:
            return told
        case Kind.FINDINGS:
            raise PolicyError([Finding(**one) for one in orjson.loads(told)])
        case Kind.FACTS:
            raise FactsError([Finding(**one) for one in orjson.loads(told)])
        case _:
            why = told.decode(errors="replace")
            raise GaveUpError(phrase("the worker process failed: {why}", why=why))
