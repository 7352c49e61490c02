"""Policies checked and compiled in a process of their own; see `app.desk.canary`."""

import asyncio
import contextlib
import signal
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import structlog

from dfks_rules.app.desk.arriving import arrived
from dfks_rules.app.desk.behind import command_of
from dfks_rules.app.desk.canary import CPU, WITH_SITE, WITHOUT_SITE
from dfks_rules.app.desk.leaving import pieces_of
from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.errors import Finding, PolicyError
from dfks_rules.phrases.phrase import joined, phrase
from dfks_rules.policy.deciding.compiled import CompiledPolicies
from dfks_rules.policy.site.site import Site

NICENESS = 2
"""Phones come first, and an operator still waits seconds, not minutes, on a busy machine."""
COMMAND = command_of("dfks_rules.app.desk.canary", NICENESS)
PROOFS = 5
"""Seconds for proofs, if settings say nothing else."""
TIMEOUT = 120.0
"""Seconds until the process is given up."""
MAX_ANSWER = 256 * 1024 * 1024
"""Most bytes that are taken from it."""
_STOPS = (signal.SIGTERM, signal.SIGINT)
_MAX_COMPLAINT = 2_000
"""Characters of its last words that are told."""

_log = structlog.get_logger("dfks.policy")


class Checker:
    """Runs the process, once for each revision."""

    def __init__(
        self, command: Sequence[str] = COMMAND, timeout: float = TIMEOUT, proofs: int = PROOFS
    ) -> None:
        """No process yet.

        Args:
            command: what is run.
            timeout: seconds until it is given up.
            proofs: seconds that it has for proofs.
        """
        self._command = (*command, str(proofs))
        self._timeout = timeout

    async def check(self, files: PolicyFiles, known: Site | None = None) -> CompiledPolicies:
        """The files, checked, compiled and tried out.

        Args:
            files: what is checked.
            known: what they say of users and numbers, if that is known; 100,000 users need not
                come from the process, and go.

        Raises:
            PolicyError: they cannot be used: what is wrong with them, or what became of the
                process (`policy_check_failed`).
        """
        with deaf():
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        try:
            async with asyncio.timeout(self._timeout):
                question = chain([WITH_SITE if known is None else WITHOUT_SITE], pieces_of(files))
                answer, complaint = await _talk(process, question)
                status = await process.wait()
        except TimeoutError:
            raise _failure(
                phrase("took longer than {seconds} s", seconds=f"{self._timeout:g}")
            ) from None
        finally:
            if process.returncode is None:
                process.kill()
            # Until its pipes are read to the end, asyncio waits for it forever.
            await process.communicate()
            # asyncio's protocol of a process and the stream to it hold each other: 5 kB a reload.
            vars(process)["_protocol"].stdin = None
        if status:
            raise _failure(_death(status, complaint))
        try:
            verdict = await arrived(answer)
        except ValueError as error:
            raise _failure(phrase("returned an invalid answer: {error}", error=error)) from error
        if verdict.compiled is None:
            raise PolicyError(verdict.findings)
        for note in verdict.notes:
            _log.warning("policy_proof_open", finding=str(note))
        return verdict.compiled if known is None else verdict.compiled._replace(site=known)


@contextlib.contextmanager
def deaf() -> Iterator[None]:
    """A process that is started in here hears neither SIGTERM nor Ctrl-C.

    A service manager or a terminal sends them to every process of the server. They mean a stop of
    the server, which then ends the process; they must not look like policies that kill it.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
    try:
        yield
    finally:
        # What came meanwhile is delivered now.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)


async def _talk(
    process: asyncio.subprocess.Process, question: Iterable[bytes]
) -> tuple[bytes, bytes]:
    """(What the process writes to stdout, to stderr); both pipes are read at once."""
    assert process.stdin is not None  # noqa: S101 - all three are pipes
    assert process.stdout is not None  # noqa: S101
    assert process.stderr is not None  # noqa: S101
    answer = asyncio.create_task(_read_all(process.stdout))
    complaint = asyncio.create_task(_read_all(process.stderr))
    try:
        # A process that died takes no more: what it died of is told by its status.
        with contextlib.suppress(ConnectionError):
            for piece in question:
                process.stdin.write(piece)
                await process.stdin.drain()
                await asyncio.sleep(0)
            # Not waited for: who stops the wait would leave asyncio with a cancelled future, which
            # it complains about on stderr.
            process.stdin.close()
        return await answer, await complaint
    finally:
        answer.cancel()
        complaint.cancel()
        await asyncio.gather(answer, complaint, return_exceptions=True)


async def _read_all(pipe: asyncio.StreamReader) -> bytes:
    pieces: list[bytes] = []
    size = 0
    while piece := await pipe.read(1 << 20):
        size += len(piece)
        if size > MAX_ANSWER:
            raise _failure(phrase("returned more than {most} bytes", most=MAX_ANSWER))
        pieces.append(piece)
    return b"".join(pieces)


def _death(status: int, complaint: bytes) -> str:
    if status == -signal.SIGXCPU:
        return phrase("used more than {seconds} s of CPU", seconds=CPU)
    if status < 0:
        with contextlib.suppress(ValueError):
            return phrase("was killed by {signal}", signal=signal.Signals(-status).name)
        return phrase("was killed by signal {number}", number=-status)
    last = complaint.decode(errors="replace").strip()[-_MAX_COMPLAINT:].splitlines()
    told = phrase("exited with status {status}", status=status)
    return joined(": ", (told, *last[-1:]))


def _failure(what: str) -> PolicyError:
    message = phrase("the policy check process {what}", what=what)
    return PolicyError([Finding("policy check", 0, 0, "policy_check_failed", message)])
