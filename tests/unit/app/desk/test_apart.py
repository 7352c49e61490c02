"""The process that tries policies, and every way in which it can fail; real processes all."""

import asyncio
import gc
import os
import signal
import sys
from asyncio.subprocess import SubprocessStreamProtocol
from pathlib import Path

import pytest

from dfks_rules.app.desk import apart
from dfks_rules.app.desk.apart import Checker
from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.errors import PolicyError
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.reading.source import Source
from tests.helpers.policy import source

FILES = PolicyFiles((source("- id: r\n  when: {user: alice}\n  then: {status: 1}\n"),), ())


async def test_proofs_have_the_seconds_that_settings_say() -> None:
    """They are an argument of the process."""
    code = "import sys; sys.exit(f'{sys.argv[1]} s for proofs')"
    with pytest.raises(PolicyError, match="exited with status 1: 7 s for proofs"):
        await Checker((sys.executable, "-c", code), proofs=7).check(FILES)


async def failure(code: str, within: float = 30, files: PolicyFiles = FILES) -> str:
    """What is said when the process runs this code instead."""
    with pytest.raises(PolicyError) as raised:
        await Checker((sys.executable, "-c", code), within).check(files)
    (finding,) = raised.value.findings
    assert finding.code == "policy_check_failed"
    return finding.message


def _children() -> list[str]:
    """Process ids of what this process started."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


async def test_good_files_come_back_compiled() -> None:
    """The same as if they were compiled here."""
    compiled = await Checker().check(FILES)
    expected = compile_policies(FILES.sources)
    assert (compiled.revision, compiled.rules) == (expected.revision, expected.rules)
    assert [plan.content for plan in compiled.sharding.shards] == [
        plan.content for plan in expected.sharding.shards
    ]


async def test_a_process_that_has_ended_leaves_nothing_that_holds_itself() -> None:
    """The collector looks at new cycles only, and a check lives for longer."""
    await Checker().check(FILES)
    gc.collect()
    gc.disable()
    try:
        before = _protocols()
        await Checker().check(FILES)
        await asyncio.sleep(0)  # Until the loop has let go of it.
        assert _protocols() == before
    finally:
        gc.enable()


def _protocols() -> int:
    """How many of processes are in memory."""
    return sum(isinstance(one, SubprocessStreamProtocol) for one in gc.get_objects())


async def test_findings_come_back_with_their_places() -> None:
    """As if they were checked here."""
    broken = PolicyFiles((Source("p.yaml", "kind: Polic\n"),), ())
    with pytest.raises(PolicyError) as raised:
        await Checker().check(broken)
    with pytest.raises(PolicyError) as expected:
        compile_policies(broken.sources)
    assert raised.value.findings == expected.value.findings


async def test_crash_is_told_with_its_signal() -> None:
    """A segmentation fault of the engine."""
    code = "import os; os.kill(os.getpid(), 11)"
    assert await failure(code) == "the policy check process was killed by SIGSEGV"
    # More than a pipe holds: nobody reads it any more.
    large = PolicyFiles((Source("p.yaml", "x" * 1_000_000),), ())
    assert "SIGSEGV" in await failure(code, files=large)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_signal_that_means_the_server_does_not_end_the_check(stop: signal.Signals) -> None:
    """A service manager sends SIGTERM to all processes: that says nothing about policies."""
    code = (
        f"import os; os.kill(os.getpid(), {stop.value})\n"
        "from dfks_rules.app.desk.canary import main; main()"
    )
    assert (await Checker((sys.executable, "-c", code)).check(FILES)).revision


async def test_server_hears_its_signals_while_and_after_it_checks() -> None:
    """A mask that stays would be a server that only kill -9 stops."""
    heard = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, heard.set)
    try:
        await Checker().check(FILES)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(heard.wait(), 5)
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


async def test_check_that_is_given_up_leaves_no_process() -> None:
    """A stop during the start."""
    checker = Checker((sys.executable, "-c", "import time; time.sleep(600)"))
    # Other tests may have left a server running for those to come.
    others = set(_children())
    task = asyncio.create_task(checker.check(FILES))
    while not (pids := set(_children()) - others):  # noqa: ASYNC110 - the kernel tells nobody
        await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # It may have been given up before its start had come to an end.
    async with asyncio.timeout(10):
        while pids & set(_children()):  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0.01)


async def test_hang_is_ended() -> None:
    """The engine can spin forever."""
    code = "import sys\nwhile True: pass"
    assert "took longer than 0.5 s" in await failure(code, within=0.5)
    limit = "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 2))\nwhile True: pass"
    assert "used more than 60 s of CPU" in await failure(limit)


async def test_end_without_an_answer_tells_the_last_words() -> None:
    """Out of memory, for instance."""
    code = "raise MemoryError('no more')"
    assert "exited with status 1: MemoryError: no more" in await failure(code)


@pytest.mark.parametrize("answer", ["b''", "b'garbage'", "__import__('pickle').dumps(7)"])
async def test_nonsense_is_refused(answer: str) -> None:
    """Something printed, or half an answer."""
    code = f"import sys; sys.stdin.buffer.read(); sys.stdout.buffer.write({answer})"
    assert "returned an invalid answer" in await failure(code)


async def test_answer_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process gone wild must not fill the server's memory."""
    monkeypatch.setattr(apart, "MAX_ANSWER", 1_000)
    code = "import sys\nwhile True: sys.stdout.buffer.write(b'x' * 100_000)"
    assert "returned more than 1000 bytes" in await failure(code)


async def test_code_in_the_current_directory_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server is started anywhere."""
    (tmp_path / "yaml.py").write_text("raise SystemExit(9)")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[4]))
    assert (await Checker().check(FILES)).revision


async def test_users_that_are_known_stay_where_they_are() -> None:
    """They need not come again where only rules change."""
    users = Source("users.csv", "user,domain,groups,role,numbers\nalice,a.example,sales,,\n")
    files = PolicyFiles((*FILES.sources, users), ())
    first = await Checker().check(files)
    assert len(first.site.directory) == 1
    again = await Checker().check(files, first.site)
    assert again.site is first.site
    assert again.rules == first.rules
