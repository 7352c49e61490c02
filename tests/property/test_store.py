"""Stores under random requests: the one in a file does what the one in memory does."""

import asyncio
import tempfile
from itertools import pairwise
from pathlib import Path
from typing import Literal, NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from dfks_rules.model.features import FEATURES, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.service.ports import Change, Verdict, Wanted
from dfks_rules.store.memory import MemoryStore
from dfks_rules.store.sqlite import SqliteStore
from tests.helpers.states import forwarding
from tests.helpers.wanted import Result, change, commit, dialog_row

USERS = tuple(Aor(name, "example.com") for name in ("alice", "bob", "carol"))


class _Pick(NamedTuple):
    """What a request is about, and what happens after it is asked for."""

    changed: list[Aor]
    seen: list[Aor]
    is_stale: bool
    """Whether it is decided on what held one request before."""
    visit: tuple[int, int] | None
    """Number of its subscription, and CSeq."""
    pause: Literal["none", "turn", "settled", "reopened"]


_picks = st.builds(
    _Pick,
    st.lists(st.sampled_from(USERS), unique=True, max_size=3),
    st.lists(st.sampled_from(USERS), unique=True, max_size=2),
    st.booleans(),
    st.none() | st.tuples(st.integers(1, 3), st.integers(1, 6)),
    st.sampled_from(["none", "turn", "settled", "reopened"]),
)


class _Requester:
    """Decides as the use cases do: on the newest that was decided, or on something older."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store
        self._count = 0
        self._older: dict[Aor, Snapshot] = {}

    def wanted(self, pick: _Pick) -> Wanted:
        """A request, with states that no other request has."""
        return Wanted(
            tuple([self._change(user, pick) for user in pick.changed]),
            tuple(
                [
                    (user, self._before(user, pick).revision)
                    for user in pick.seen
                    if user not in pick.changed
                ]
            ),
            None if pick.visit is None else dialog_row(*pick.visit),
        )

    def _change(self, user: Aor, pick: _Pick) -> Change:
        before = self._before(user, pick)
        self._count += 1
        return change(user, before, before.replace(FEATURES[1], forwarding(True, str(self._count))))

    def _before(self, user: Aor, pick: _Pick) -> Snapshot:
        newest = self._store.known(user)
        older = self._older.setdefault(user, newest)
        self._older[user] = newest
        return older if pick.is_stale else newest


async def _run(path: Path, picks: list[_Pick]) -> None:
    loop = asyncio.get_running_loop()
    model, store = MemoryStore(loop.time), SqliteStore(path, loop)
    requester = _Requester(model)
    expected: list[Verdict] = []
    results: list[asyncio.Future[Result]] = []
    for pick in picks:
        wanted = requester.wanted(pick)
        results.append(commit(store, wanted))
        model.commit(wanted, lambda verdict, *_: expected.append(verdict))
        match pick.pause:
            case "turn":
                await asyncio.sleep(0)
            case "settled":
                await results[-1]
            case "reopened":
                store.close()
                store = SqliteStore(path, loop)
            case "none":
                pass
    assert [(await result)[0] for result in results] == expected
    assert [store.known(user) for user in USERS] == [model.known(user) for user in USERS]
    await _check_journal(store, model)
    store.close()
    store = SqliteStore(path, loop)
    assert [store.known(user) for user in USERS] == [model.known(user) for user in USERS]
    await _check_journal(store, model)
    store.close()


async def _check_journal(store: SqliteStore, model: MemoryStore) -> None:
    """Every revision has its entry, and each entry begins where the one before has ended."""
    entries = await store.journal.read(0, 1000)
    assert [entry.seq for entry in entries] == [*range(1, len(entries) + 1)]
    for user in USERS:
        chain = (await store.journal.of(user, 1000))[::-1]
        assert chain == [entry for entry in entries if entry.presentity == user]
        stored = model.known(user)
        assert [entry.revision for entry in chain] == [*range(1, stored.revision + 1)]
        for earlier, later in pairwise(chain):
            assert later.before == earlier.after
        if chain:
            assert chain[-1].after == stored.state(FEATURES[1])


@settings(deadline=None)
@given(st.lists(_picks, max_size=25))
def test_a_store_in_a_file_does_what_the_one_in_memory_does(
    picks: list[_Pick],
) -> None:
    """Also when it is closed and opened again in between, and however requests share batches."""
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(_run(Path(directory) / "features.db", picks))
