"""What the policy check process found → the server, without holding up phones.

A pickle of 100,000 users holds the interpreter for a quarter of a second, in whichever thread. So
they come in portions, between which the event loop has its turn.
"""

import asyncio
import io
import pickle
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from dfks_rules.errors import Finding
from dfks_rules.policy.deciding.compiled import CompiledPolicies
from dfks_rules.policy.site.directory import Directory

PORTION = 500
"""Users, or numbers, in a portion."""
SWITCH = 1e-3
"""Seconds after which another thread gives way while the rest arrives; usually it is 5 ms."""


class Verdict(NamedTuple):
    """What the process found."""

    findings: list[Finding]
    """What keeps the files from being used."""
    compiled: CompiledPolicies | None
    """What to use; None when there are findings."""
    notes: tuple[Finding, ...] = ()
    """What is told of files that can be used."""


def departing(verdict: Verdict) -> Iterator[bytes]:
    """What a process writes; its own copy of the verdict has no users afterwards."""
    directory = _directory_of(verdict)
    portions = [*directory.portions(PORTION)]
    directory.clear()
    yield pickle.dumps((verdict, len(portions)), pickle.HIGHEST_PROTOCOL)
    for portion in portions:
        yield pickle.dumps(portion, pickle.HIGHEST_PROTOCOL)


async def arrived(answer: bytes) -> Verdict:
    """What a process has written.

    Raises:
        ValueError: it is something else.
    """
    stream = io.BytesIO(answer)
    with _giving_way():
        first = await asyncio.to_thread(_read, stream)
    if not (isinstance(first, tuple) and len(first) == 2 and isinstance(first[0], Verdict)):
        raise ValueError("it is no verdict")
    verdict: Verdict = first[0]
    count: int = first[1]
    directory = _directory_of(verdict)
    for _ in range(count):
        directory.add(_read(stream))
        await asyncio.sleep(0)
    return verdict


def _directory_of(verdict: Verdict) -> Directory:
    return Directory() if verdict.compiled is None else verdict.compiled.site.directory


def _read(stream: io.BytesIO) -> Any:
    try:
        return pickle.load(stream)  # noqa: S301 - it is our own child's
    except Exception as error:  # garbage may raise anything
        raise ValueError(str(error)) from error


@contextmanager
def _giving_way() -> Iterator[None]:
    """Have threads give way sooner."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)
