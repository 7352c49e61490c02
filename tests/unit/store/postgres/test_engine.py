"""The engine in a real PostgreSQL: what each function does, one caller at a time.

What happens where several meet is in tests/unit/store/postgres/test_races.py.
"""

from collections.abc import AsyncIterator

import pytest

from dfks_rules.model.features import NOTHING_STORED, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import DialogRow, Verdict
from dfks_rules.store.postgres.engine import PostgresEngine
from dfks_rules.store.postgres.ports import COHORTS, Beat, Changed, Moved, Step, cohort_of
from tests.helpers.postgres import Database, needs_postgres
from tests.helpers.stored import ALICE, BOB, CFA, DND, ON, to
from tests.helpers.wanted import change, dialog_row

pytestmark = needs_postgres

FIRST = NOTHING_STORED.replace(DND, ON)
SECOND = FIRST.replace(CFA, to("sip:bob@example.com"))
EVERY = 1 << 62


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[PostgresEngine]:
    """One node's."""
    one = PostgresEngine(database.url, "node-1")
    yield one
    await one.close()


async def _join(engine: PostgresEngine, lease: float = 2.0) -> int:
    return (await engine.join("node", "0.1.0", lease)).epoch


def _set(
    presentity: Aor, before: Snapshot, after: Snapshot, visit: DialogRow | None = None
) -> Step:
    return Step((change(presentity, before, after),), visit=visit)


async def _commit(engine: PostgresEngine, epoch: int, *steps: Step) -> list[Verdict]:
    return [one.verdict for one in await engine.commit(epoch, steps, "abc")]


async def _stored(engine: PostgresEngine, presentity: Aor) -> Snapshot:
    [(found, snapshot)] = await engine.fetch([presentity])
    assert found == presentity
    return snapshot


def _row(epoch: int, n: int = 1, cseq: int = 1, first: bytes | None = b"SUBSCRIBE") -> DialogRow:
    return dialog_row((epoch << 32) + n, cseq, first)


async def test_what_is_committed_is_fetched(engine: PostgresEngine) -> None:
    """And is in the feed, with what the journal says."""
    me = await _join(engine)
    [stored] = await engine.commit(me, [_set(ALICE, NOTHING_STORED, FIRST)], "abc")
    assert (stored.verdict, stored.newest, stored.lost) == (Verdict.STORED, 1, ())
    assert await engine.fetch([BOB, ALICE]) == [(BOB, NOTHING_STORED), (ALICE, FIRST)]
    page = await engine.feed(0, 10)
    [told] = page.told
    assert (page.last, page.is_gap) == (1, False)
    assert isinstance(told, Changed)
    assert (told.epoch, told.tells, told.snapshot) == (me, True, FIRST)
    assert told.entry.presentity == ALICE
    assert (told.entry.feature, told.entry.after, told.entry.decision) == (DND, ON, "abc-1")
    assert await engine.journal(0, None, None, 10) == [told.entry]


async def test_a_change_needs_the_revision_on_which_it_was_decided(engine: PostgresEngine) -> None:
    """And so does all that was looked at besides."""
    me = await _join(engine)
    assert await _commit(engine, me, _set(ALICE, NOTHING_STORED, FIRST)) == [Verdict.STORED]
    late = _set(ALICE, NOTHING_STORED, SECOND._replace(revision=1))
    looked = Step((change(BOB, NOTHING_STORED, FIRST),), seen=((ALICE, 0),))
    assert await _commit(engine, me, late, looked) == [Verdict.CONFLICT] * 2
    assert await _stored(engine, ALICE) == FIRST
    assert await _stored(engine, BOB) == NOTHING_STORED
    seen = Step((change(BOB, NOTHING_STORED, FIRST),), seen=((ALICE, 1),))
    assert await _commit(engine, me, seen) == [Verdict.STORED]


async def test_a_step_stores_all_of_its_changes_or_none(engine: PostgresEngine) -> None:
    """A boss and a secretary: what follows for the one is never alone."""
    me = await _join(engine)
    await _commit(engine, me, _set(BOB, NOTHING_STORED, FIRST))
    both = Step((change(ALICE, NOTHING_STORED, FIRST), change(BOB, NOTHING_STORED, FIRST)))
    other = Step((change(ALICE, NOTHING_STORED, FIRST), change(BOB, FIRST, SECOND)))
    assert await _commit(engine, me, both, other) == [Verdict.CONFLICT, Verdict.STORED]
    assert (await _stored(engine, ALICE), await _stored(engine, BOB)) == (FIRST, SECOND)


async def test_steps_of_one_commit_follow_one_another(engine: PostgresEngine) -> None:
    """What builds on a step holds only if that does, even where the revision is the same."""
    me = await _join(engine)
    first, second = _set(ALICE, NOTHING_STORED, FIRST), _set(ALICE, FIRST, SECOND)
    builds = second._replace(builds_on=(0,))
    assert await _commit(engine, me, first, builds) == [Verdict.STORED] * 2
    assert await _stored(engine, ALICE) == SECOND
    # Bob has revision 1, but not from the step on which the second was decided.
    await _commit(engine, me, _set(BOB, NOTHING_STORED, FIRST))
    first, second = _set(BOB, NOTHING_STORED, FIRST), _set(BOB, FIRST, SECOND)
    verdicts = await _commit(engine, me, first, second._replace(builds_on=(0,)))
    assert verdicts == [Verdict.CONFLICT] * 2


async def test_a_repeated_subscribe_is_stored_once(engine: PostgresEngine) -> None:
    """Told before a conflict; a later one in the dialog is stored."""
    me = await _join(engine)
    step = _set(ALICE, NOTHING_STORED, FIRST, _row(me))
    assert await _commit(engine, me, step, step) == [Verdict.STORED, Verdict.REPEATED]
    assert await _commit(engine, me, step) == [Verdict.REPEATED]
    later = _set(ALICE, FIRST, SECOND, _row(me, cseq=2, first=None))
    assert await _commit(engine, me, later, later) == [Verdict.STORED, Verdict.REPEATED]
    [row] = await engine.rows([cohort_of(later.visit.row)], EVERY, 9) if later.visit else []
    assert row == _row(me, cseq=2)


async def test_a_dialog_moves_once_to_whoever_adopts_it(engine: PostgresEngine) -> None:
    """Its term rises by one, and the others hear of it."""
    first, second = await _join(engine), await _join(engine)
    row = _row(first)._replace(base=5)
    await _commit(engine, first, Step((), visit=row))
    adopted = await engine.adopt(second, row.tag, _row(second).row)
    assert adopted is not None
    assert adopted == (row._replace(row=_row(second).row, base=6), True)
    again = await engine.adopt(second, row.tag, _row(second, 2).row)
    assert again == (adopted.row, False)
    page = await engine.feed(0, 10)
    assert page == ([Moved(second, 1, row.tag, row.row)], 1, False)
    assert await engine.adopt(second, b"unknown", _row(second, 3).row) is None
    # The one before has lost it.
    visit = Step((change(ALICE, NOTHING_STORED, FIRST),), visit=_row(first, cseq=2, first=None))
    behind = Step(rows=(row,), gone=(row.row, adopted.row.row))
    [visited, written] = await engine.commit(first, [visit, behind], "abc")
    assert visited.verdict is Verdict.MOVED
    assert (written.verdict, written.lost) == (Verdict.STORED, (row.row,))
    assert await engine.rows([cohort_of(adopted.row.row)], EVERY, 9) == [adopted.row]


async def test_a_claimed_cohort_has_a_higher_term(engine: PostgresEngine) -> None:
    """And its rows are the claimer's; empty cohorts are forgotten."""
    first, second = await _join(engine, 0.0), await _join(engine)
    await _commit(engine, first, Step(rows=(_row(first, 1), _row(first, 2))))
    assert await engine.claim(second) == []
    assert await engine.bury(second) == [first]
    claimed = await engine.claim(second)
    assert [(one.cohort, one.term, one.is_clean) for one in claimed] == [
        (first * COHORTS + 1, 1, False),
        (first * COHORTS + 2, 1, False),
    ]
    rows = await engine.rows([one.cohort for one in claimed], EVERY, 10)
    assert rows == [_row(first, 2), _row(first, 1)]
    again = Step((), visit=_row(first, 1, cseq=2, first=None))
    assert await _commit(engine, second, again) == [Verdict.STORED]
    assert await _commit(engine, first, again) == [Verdict.FENCED]
    renewed = await engine.renew(first, 2.0, Beat("", 0, 0.0, 0))
    assert not renewed.is_alive
