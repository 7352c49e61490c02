"""The worker as the server sees it: real processes, and every way in which one fails."""

import asyncio
import errno
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import pytest

from dfks_rules.app.desk.texts import files_of
from dfks_rules.app.worker.questions import Check, CheckAll, Diff, Evaluate, Question
from dfks_rules.app.worker.worker import COMMAND, MAX_WAITING, Worker
from dfks_rules.errors import DfksError, PolicyError
from dfks_rules.operations.studies import FactsError, GaveUpError, OneAtATimeError, Text
from tests.unit.app.worker.test_answering import NO_DND
from tests.unit.app.worker.test_answering import OTHERS as OTHER_POLICIES

FILES, OTHERS = files_of([NO_DND]), files_of([OTHER_POLICIES])
QUESTION = CheckAll("r")
HEAD = "import sys, os, time; w = lambda b: (sys.stdout.buffer.write(b), sys.stdout.flush())\n"
READY = HEAD + "w(b'\\0\\0\\0\\1r'); sys.stdin.buffer.read(4)\n"


@asynccontextmanager
async def worker(code: str | None = None, **limits: Any) -> AsyncIterator[Worker]:
    """A worker, or one that runs this code instead."""
    command = COMMAND if code is None else (sys.executable, "-c", code)
    made = Worker({"r": FILES, "s": OTHERS}.get, command, **limits)
    try:
        yield made
    finally:
        await made.close()


async def ask(asked: Worker, question: Question = QUESTION, asker: str = "me") -> Any:
    """The answer as a value."""
    return orjson.loads(await asked.ask(question, asker))


async def test_the_process_starts_with_the_first_question_and_stays() -> None:
    """It is told of a revision once."""
    async with worker() as one:
        assert one.pid is None
        assert (await ask(one))["usable"]
        pid = one.pid
        assert (await ask(one, Evaluate("r", '{"op": "subscribe"}')))["decision"]
        assert one.pid == pid
        assert one.counts == {"questions": 2, "starts": 1, "gave_up": 0, "refused": 0}
    assert one.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid or 0, 0)


async def test_what_is_wrong_comes_back_as_if_it_was_found_here() -> None:
    """With places; policies that were given, and facts."""
    async with worker() as one:
        with pytest.raises(PolicyError) as raised:
            await ask(
                one, Evaluate(files_of([Text("p.yaml", "kind: Polic\n")]), '{"op":"subscribe"}')
            )
        assert raised.value.findings[0].file == "p.yaml"
        with pytest.raises(FactsError):
            await ask(one, Evaluate("r", '{"op": "set"}'))
        assert (await ask(one, Check(FILES)))["usable"]


async def test_policies_that_are_gone_explain_nothing() -> None:
    """The server keeps some revisions."""
    async with worker() as one:
        with pytest.raises(DfksError, match="no longer in memory") as raised:
            await ask(one, CheckAll("gone"))
        assert raised.value.code == "policy_no_revision"
        assert one.counts["gave_up"] == 0


async def test_two_revisions_are_compared_that_the_process_was_not_told_of() -> None:
    """It is told of both; where one is gone, that is said of it."""
    async with worker() as one:
        assert (await ask(one, Diff("r", "s")))["different"] > 0
    async with worker() as one:
        with pytest.raises(DfksError, match="gone are no longer in memory"):
            await ask(one, Diff("r", "gone"))


async def test_one_that_hangs_is_killed_and_the_next_question_is_answered() -> None:
    """It takes longer than its limit."""
    async with worker(READY + "time.sleep(60)", patience=0.005) as one:
        with pytest.raises(GaveUpError, match="took longer than"):
            await ask(one)
        assert (one.pid, one.counts["gave_up"]) == (None, 1)
        one._command = COMMAND  # the same server, another process
        one._patience = 1
        assert (await ask(one))["usable"]
        assert one.counts["starts"] == 2


@pytest.mark.parametrize(
    "code",
    [
        "",
        HEAD + "time.sleep(60)",
        READY + "os.kill(os.getpid(), 11)",
        READY + "w(b'\\0\\0\\0\\5d{')",
        READY + "w(b'\\0\\0\\0\\1?'); time.sleep(60)",
        READY + "w(b'\\0\\0\\0\\0'); time.sleep(60)",
        READY + "w(b'\\xff\\xff\\xff\\xffd'); time.sleep(60)",
    ],
    ids=["ends", "never-ready", "crashes", "half", "no-kind", "empty", "too-long"],
)
async def test_whatever_becomes_of_the_process_the_asker_is_told(code: str) -> None:
    """And nothing of it stays."""
    async with worker(code, start=2.0) as one:
        with pytest.raises(GaveUpError):
            await ask(one)
        assert (one.pid, one.counts["gave_up"]) == (None, 1)


async def test_what_fails_within_the_process_is_told() -> None:
    """A bug of ours."""
    async with worker(READY + "w(b'\\0\\0\\0\\4xbug'); time.sleep(60)") as one:
        with pytest.raises(GaveUpError, match="failed: bug"):
            await ask(one)


async def test_somebody_has_one_question_at_a_time_and_others_wait_for_their_turn() -> None:
    """Answers are not mixed up."""
    async with worker() as one:
        first = asyncio.create_task(ask(one))
        await asyncio.sleep(0)
        with pytest.raises(OneAtATimeError):
            await ask(one)
        other = await ask(one, Evaluate("r", '{"op": "subscribe"}'), "other")
        assert "decision" in other
        assert (await first)["usable"]
        assert (await ask(one))["usable"]


async def test_only_so_many_wait_and_not_for_long() -> None:
    """The rest is turned away."""
    async with worker(READY + "time.sleep(60)", wait=0.05) as one:
        asked = [asyncio.create_task(ask(one, asker=str(n))) for n in range(MAX_WAITING)]
        await asyncio.sleep(0)
        with pytest.raises(GaveUpError, match="too many"):
            await ask(one, asker="one more")
        for waiting in asked[1:]:
            with pytest.raises(GaveUpError, match="took longer than 0"):
                await waiting
        assert one.counts["refused"] == MAX_WAITING
        asked[0].cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked[0]
        # Its answer must not be taken for another.
        assert one.pid is None


async def test_a_process_that_died_while_nobody_asked_is_started_anew() -> None:
    """The kernel was short of memory."""
    async with worker() as one:
        await ask(one)
        assert one._process is not None
        one._process.send_signal(signal.SIGKILL)
        await one._process.wait()
        assert (await ask(one))["usable"]
        assert one.counts["starts"] == 2


async def test_a_server_that_stops_tells_those_who_wait() -> None:
    """One is being answered, another one waits; nothing is started for it."""
    async with worker(READY + "time.sleep(60)") as one:
        asked = [asyncio.create_task(ask(one, asker=name)) for name in ("me", "other")]
        while one.pid is None:  # noqa: ASYNC110 - a process tells nobody that it was started
            await asyncio.sleep(0.01)
        await one.close()
        for waiting, why in zip(asked, ("died", "the server stops"), strict=True):
            with pytest.raises(GaveUpError, match=why):
                await waiting
        assert one.counts["starts"] == 1


async def test_a_server_that_stops_while_the_process_begins_waits_for_nothing() -> None:
    """It may take seconds until it could be asked."""
    async with worker(HEAD + "time.sleep(60)") as one:
        asked = asyncio.create_task(ask(one))
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await one.close()
        with pytest.raises(GaveUpError):
            await asked
        assert one.pid is None


async def test_a_process_that_cannot_be_started_is_told_as_no_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A machine without room for one more is no bug of the server."""

    async def full(*_what: object, **_how: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    async with worker() as one:
        monkeypatch.setattr(asyncio, "create_subprocess_exec", full)
        with pytest.raises(GaveUpError, match="cannot be started: Resource temporarily"):
            await ask(one)
        monkeypatch.undo()
        assert (await ask(one))["usable"]
