"""Rows → what comes of them: each through the policies, and never for long at once."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog

from dfks_rules.app.imports.reading import Read
from dfks_rules.errors import StoreError
from dfks_rules.model.decisions import Outcome
from dfks_rules.operations.imports import PARAM, UNUSABLE, Job, Refusal
from dfks_rules.operations.ports import Operations, SetResult, Sets
from dfks_rules.operations.states import denying_rule
from dfks_rules.phrases.phrase import phrase

RETRY = 1.0
"""Seconds after which a set is tried again that the store could not take."""
_FINAL = frozenset({"store_fenced"})
"""Codes of failures after which nothing can be stored any more."""

_log = structlog.get_logger("dfks.imports")


class Came(NamedTuple):
    """What came of a row."""

    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    unusable: int = 0
    refusals: tuple[Refusal, ...] = ()


async def decide(
    operations: Operations, job: Job, reads: Sequence[Read], goes_on: Callable[[], bool]
) -> list[Came]:
    """What comes of some rows, in order; fewer where `goes_on` says no.

    Each is decided in a turn of the loop of its own; they are stored together.

    Raises:
        StoreError: nothing can be stored any more.
    """
    tasks = []
    try:
        for number, read in enumerate(reads, job.rows + 1):
            tasks.append(asyncio.create_task(_came(operations, job, number, read, goes_on)))
            await asyncio.sleep(0)
        found = await asyncio.gather(*tasks, return_exceptions=True)
    finally:
        # Where the server stops meanwhile; those that have ended do not mind.
        for task in tasks:
            task.cancel()
    done: list[Came] = []
    for one in found:
        if one is None:
            break
        if isinstance(one, BaseException):
            raise one
        done.append(one)
    return done


async def _came(
    operations: Operations, job: Job, number: int, read: Read, goes_on: Callable[[], bool]
) -> Came | None:
    """What comes of a row; None where it was given up."""
    row = read.row
    if isinstance(row, str):
        return _unusable(number, "", row)
    presentity = row.presentity
    if job.domains is not None and presentity.domain not in job.domains:
        return _unusable(
            number, presentity.uri, phrase("no such presentity: {uri}", uri=presentity.uri)
        )
    sets = Sets(presentity, row.asked, PARAM, job.actor)
    while True:
        try:
            set_ = operations.tried if job.is_dry else operations.set
            return _of_result(number, await set_(sets), len(row.asked))
        except StoreError as error:
            if error.code in _FINAL:
                raise
            _log.warning("import_waits", job=job.id, row=number, reason=error.message)
        except Exception:  # noqa: BLE001 - it is logged
            # A bug of ours; the others must not wait for it.
            _log.exception("import_row_failed", job=job.id, row=number)
            return _unusable(number, presentity.uri, phrase("the server failed; see its log"))
        until = time.monotonic() + RETRY
        while time.monotonic() < until:
            if not goes_on():
                return None
            await asyncio.sleep(RETRY / 10)


def _of_result(number: int, result: SetResult, asked: int) -> Came:
    changed = unchanged = 0
    refusals = []
    for part, outcome in enumerate(result.outcomes[:asked]):
        if outcome.decision.denial is not None:
            refusals.append(_refusal(number, part, outcome, result.decision(part)))
        elif outcome.changed:
            changed += 1
        else:
            unchanged += 1
    return Came(changed, unchanged, len(refusals), 0, tuple(refusals))


def _refusal(number: int, part: int, outcome: Outcome, decision: str) -> Refusal:
    request, denial = outcome.request, outcome.decision.denial
    assert denial is not None  # noqa: S101 - the caller looked
    assert request.feature is not None  # noqa: S101 - it is a set
    return Refusal(
        number,
        part,
        request.presentity.uri,
        request.feature.value,
        denial.reason,
        denying_rule(outcome) or "",
        denial.text or "",
        decision,
    )


def _unusable(number: int, presentity: str, why: str) -> Came:
    refusal = Refusal(number, 0, presentity, "", UNUSABLE, "", why, "")
    return Came(unusable=1, refusals=(refusal,))
