"""What stores are asked to commit, for tests."""

import asyncio
from datetime import UTC, datetime

from dfks_rules.errors import StoreError
from dfks_rules.model.decisions import Decision, NotifyScope, Outcome
from dfks_rules.model.features import FEATURES, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import (
    FeatureRequest,
    Operation,
    Origin,
    Requester,
    Surroundings,
)
from dfks_rules.service.ports import Change, DialogRow, Store, Verdict, Wanted

Result = tuple[Verdict, StoreError | None, float]
_AT = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


def outcomes_between(
    presentity: Aor, before: Snapshot, after: Snapshot, requester: Requester, rule: str = ""
) -> tuple[Outcome, ...]:
    """What came of a set of each feature that differs."""
    return tuple(
        Outcome(
            FeatureRequest(Operation.SET, presentity, requester, feature, new),
            Decision(
                new, True, NotifyScope.ALL, None, (), {"status": rule} if rule else {}, (), ""
            ),
            old,
            new,
            new,
            before,
            _AT,
            Surroundings(lambda _: before),
        )
        for feature, old, new in zip(FEATURES, before.states, after.states, strict=True)
        if old != new
    )


def change(
    presentity: Aor,
    before: Snapshot,
    after: Snapshot,
    requester: Requester | None = None,
    first: int = 1,
    rule: str = "",
) -> Change:
    """One that the presentity's own phone asked for, unless it says something else."""
    by = Requester(Origin.WATCHER, presentity) if requester is None else requester
    outcomes = outcomes_between(presentity, before, after, by, rule)
    return Change(presentity, before, after, outcomes, first)


def wanted(presentity: Aor, before: Snapshot, after: Snapshot) -> Wanted:
    """A request that changes one presentity."""
    return Wanted((change(presentity, before, after),))


def dialog_row(number: int, cseq: int = 1, first: bytes | None = b"SUBSCRIBE") -> DialogRow:
    """A subscription."""
    return DialogRow(
        number,
        b"tag%d" % number,
        Aor("alice", "example.com"),
        2_000_000_000.5,
        cseq,
        0,
        0,
        first,
        None,
    )


def commit(store: Store, what: Wanted) -> asyncio.Future[Result]:
    """Resolved when the commit is settled; a second settlement is an error of the loop."""
    future: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
    store.commit(what, lambda *result: future.set_result(result))
    return future


async def outcome(settled: asyncio.Future[Result]) -> Verdict:
    """The verdict, once it is there."""
    verdict, _, _ = await settled
    return verdict
