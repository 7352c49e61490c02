"""The engine: PostgreSQL, by the functions in `sql`."""

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar, final

import structlog

from dfks_rules.errors import StoreError
from dfks_rules.model.identity import Aor
from dfks_rules.operations.ports import Stored
from dfks_rules.service.ports import DialogRow, Gone, JournalEntry
from dfks_rules.store.postgres import schema
from dfks_rules.store.postgres.answers import AnswerTable
from dfks_rules.store.postgres.batch import Batch
from dfks_rules.store.postgres.connection import PATIENCE, Connection
from dfks_rules.store.postgres.events import EventTable
from dfks_rules.store.postgres.imports import ImportTables
from dfks_rules.store.postgres.policies import (
    PolicyBack,
    PolicyFollower,
    PolicyGoal,
    PolicyRollout,
    PolicyTask,
    PolicyVerdict,
)
from dfks_rules.store.postgres.ports import (
    Changed,
    Claimed,
    Joined,
    Moved,
    Node,
    Outcome,
    Page,
    Renewed,
    Report,
    Sought,
    Step,
)
from dfks_rules.store.postgres.records import (
    Row,
    SpoiltError,
    dialog_from,
    entry_from,
    stored_from,
    told_from,
)
from dfks_rules.store.postgres.webhooks import WebhookTables


def _call(function: str, arguments: int) -> str:
    places = ", ".join(f"${place}" for place in range(1, arguments + 1))
    return f"SELECT * FROM dfks.{function}({places})"  # noqa: S608


_COMMIT = _call("commit_1", 39)
_JOIN, _RENEW = _call("join_1", 3), _call("renew_1", 6)
_BURY, _CLAIM = _call("bury_1", 1), _call("claim_2", 2)
_DRAIN, _LEAVE, _NODES = _call("drain_1", 1), _call("leave_2", 3), _call("nodes_1", 0)
_FETCH, _ADOPT, _ROWS = _call("fetch_1", 2), _call("adopt_2", 5), _call("rows_1", 3)
_FEED, _CHANGED_SINCE = _call("feed_1", 2), _call("changed_since_1", 1)
_DUE, _NEXT = _call("expiry_due_1", 2), _call("expiry_next_1", 0)
_CHANGED_AFTER = _call("changed_after_1", 1)
_JOURNAL, _PURGE, _PAGE = _call("journal_1", 5), _call("purge_1", 2), _call("page_1", 4)
_TASK, _GOAL, _BUNDLE = (
    _call("policy_look_1", 1),
    _call("policy_goal_1", 1),
    _call("policy_bundle_1", 1),
)
_VERDICT, _PROPOSE = _call("policy_verdict_1", 3), _call("policy_propose_1", 4)
_BACK, _DROP = _call("policy_back_2", 3), _call("policy_drop_1", 2)
_GOALS, _ROLLOUTS = _call("policy_goals_1", 0), _call("policy_rollouts_1", 0)
_FOLLOWED, _FOLLOWERS = _call("policy_followed_1", 3), _call("policy_followers_1", 0)
_VERDICTS = _call("policy_verdicts_1", 0)

_GONE = {1: Gone.UNKNOWN, 2: Gone.UNAVAILABLE, 3: Gone.ELSEWHERE}
"""By the numbers that the function of adoptions gives them."""
_Said = TypeVar("_Said")

CHANNEL = "dfks"
"""On which nodes hint at changes."""
_HINT = f"SELECT set_config('synchronous_commit', 'off', true), pg_notify('{CHANNEL}', '')"

_log = structlog.get_logger("dfks.store")


class Shared(NamedTuple):
    """Tables of what nodes keep besides, as one life of a node uses them."""

    answers: AnswerTable
    """What requests were answered."""
    webhooks: WebhookTables
    events: EventTable
    """Events that are in no journal."""
    imports: ImportTables


@final
class PostgresEngine:
    """PostgreSQL.

    Reference: `dfks_rules.store.postgres.ports.Engine`.
    """

    def __init__(self, url: str, name: str = "node", patience: float = PATIENCE) -> None:
        """Not connected.

        Args:
            url: `postgresql://…`.
            name: of the node; connections are listed as `dfks NAME commit` and so on.
            patience: how long a call may take, s.
        """
        # A lease must not wait for a page of rows or a burial, nor a phone for either; the feed not
        # for all the phones that come from another node at once; and nobody for policies.
        (
            self._commit,
            self._life,
            self._phones,
            self._feed,
            self._rest,
            self._hints,
            self._policies,
        ) = (
            Connection(url, f"dfks {name} {use}", patience)
            for use in ("commit", "life", "phones", "feed", "rest", "hints", "policies")
        )

    async def check(self) -> None:
        """See whether this release can use the schema.

        Raises:
            StoreError: see `schema.check`.
        """
        await schema.check(self._life)

    # --- Life ---

    async def join(self, name: str, release: str, lease: float) -> Joined:
        """Begin a life."""
        row = await self._life.row(_JOIN, name, release, lease)
        return Joined(row["my_epoch"], row["secret"], row["clock"], row["newest"])

    async def renew(self, epoch: int, lease: float, report: Report) -> Renewed:
        """Have the lease go on."""
        said = (report.policies, report.position, report.skew, report.subscriptions)
        row = await self._life.row(_RENEW, epoch, lease, *said)
        return Renewed(row["is_alive"], row["clock"], row["is_draining"])

    async def bury(self, epoch: int) -> list[int]:
        """End all other lives whose lease is over."""
        return [row["bury_1"] for row in await self._rest.rows(_BURY, epoch)]

    async def claim(self, epoch: int, *, again: bool = False) -> list[Claimed]:
        """Take cohorts of lives that have ended."""
        rows = await self._rest.rows(_CLAIM, epoch, again)
        return [Claimed(*row.values()) for row in rows]

    async def drain(self, epoch: int) -> None:
        """Tell the others that it is about to leave."""
        await self._life.rows(_DRAIN, epoch)

    async def leave(self, epoch: int, *, is_clean: bool, heard: int = 0) -> None:
        """End my life."""
        await self._life.rows(_LEAVE, epoch, is_clean, heard)

    async def nodes(self) -> list[Node]:
        """All that live, and those that have ended lately."""
        return [Node(*row.values()) for row in await self._rest.rows(_NODES)]

    # --- What is stored ---

    async def commit(self, epoch: int, steps: Sequence[Step], start: str) -> list[Outcome]:
        """Store steps, in order.

        A step with a value that PostgreSQL cannot hold is UNAVAILABLE.
        """
        batch = Batch(steps, start)
        row = await self._commit.row(_COMMIT, epoch, *batch.arguments())
        return batch.outcomes(row)

    async def fetch(self, presentities: Sequence[Aor]) -> list[Stored]:
        """What is stored for each."""
        domains = [one.domain for one in presentities]
        users = [one.user for one in presentities]
        return [stored_from(row) for row in await self._phones.rows(_FETCH, domains, users)]

    async def adopt(self, epoch: int, sought: Sequence[Sought]) -> list[DialogRow | Gone]:
        """Make dialogs mine, which is one commit.

        Raises:
            StoreError: `store_fenced`: my life has ended; `store_unavailable`.
        """
        tags, numbers = [one.tag for one in sought], [one.row for one in sought]
        cseqs, backs = [one.cseq for one in sought], [one.is_back for one in sought]
        found = await self._phones.rows(_ADOPT, epoch, tags, numbers, cseqs, backs)
        if not found and sought:
            raise StoreError("store_fenced", "the others take this node for dead")
        return [_GONE.get(row["verdict"]) or dialog_from(row) for row in found]

    async def rows(self, cohorts: Sequence[int], before: int, at_most: int) -> list[DialogRow]:
        """Dialogs of cohorts."""
        rows = await self._rest.rows(_ROWS, [*cohorts], before, at_most)
        return [dialog_from(row) for row in rows]

    # --- The feed ---

    async def feed(self, after: int, at_most: int) -> Page:
        """What was committed after a change."""
        [head, *rows] = await self._feed.rows(_FEED, after, at_most)
        last = rows[-1]["seq"] if len(rows) == at_most else head["seq"]
        told: list[Changed | Moved] = _good(told_from, rows)
        return Page(told, last, head["is_gap"])

    async def changed_since(self, moment: float) -> frozenset[Aor]:
        """Whose features have changed since then."""
        return _aors(await self._rest.rows(_CHANGED_SINCE, moment))

    async def changed_after(self, seq: int) -> frozenset[Aor]:
        """Whose features have changed after a change."""
        return _aors(await self._rest.rows(_CHANGED_AFTER, seq))

    async def journal(
        self, after: int | None, before: int | None, presentity: Aor | None, at_most: int
    ) -> list[JournalEntry]:
        """Changes, of one presentity or all."""
        user, domain = (None, None) if presentity is None else presentity
        while True:
            rows = await self._rest.rows(_JOURNAL, after, before, domain, user, at_most)
            found = _good(entry_from, rows)
            if found or len(rows) < at_most:
                return found
            # Nothing would be the end: what this release does not know is passed over.
            last = rows[-1]["seq"]
            after, before = (None, last) if after is None else (last, before)

    async def purge(self, older_than: float, at_most: int) -> int:
        """Remove what nobody needs any more."""
        removed = await self._rest.row(_PURGE, older_than, at_most)
        return int(removed["purge_1"])

    async def page(
        self, after: Aor | None, at_most: int, domains: frozenset[str] | None
    ) -> list[Stored]:
        """The next presentities."""
        user, domain = ("", "") if after is None else after
        only = None if domains is None else sorted(domains)
        return [stored_from(r) for r in await self._rest.rows(_PAGE, domain, user, at_most, only)]

    # --- What expires ---

    async def due(self, until: int, at_most: int) -> list[Aor]:
        """Presentities with a deadline by then."""
        rows = await self._rest.rows(_DUE, until, at_most)
        return [Aor(row["username"], row["domain"]) for row in rows]

    async def next(self) -> int | None:
        """The earliest deadline of all."""
        earliest: int | None = (await self._rest.row(_NEXT))["expiry_next_1"]
        return earliest

    # --- Policies ---

    async def policy_task(self, epoch: int) -> PolicyTask:
        """What a node has to do about policies."""
        row = await self._policies.row(_TASK, epoch)
        active = zip(row["names"], row["revisions"], strict=True)
        return PolicyTask(row["goal"], tuple(row["prepare"]), tuple(active))

    async def policy_goal(self, name: str) -> bytes | None:
        """The bundle that a node with this name begins with."""
        return next((row["files"] for row in await self._policies.rows(_GOAL, name)), None)

    async def policy_bundle(self, revision: str) -> bytes | None:
        """The bundle of a revision."""
        return next((row["files"] for row in await self._policies.rows(_BUNDLE, revision)), None)

    async def policy_verdict(self, epoch: int, revision: str, verdict: str) -> None:
        """Say whether this node can use a revision."""
        await self._policies.rows(_VERDICT, epoch, revision, verdict)

    async def policy_followed(self, epoch: int, revision: str | None, verdict: str) -> None:
        """Say which goal this node follows."""
        await self._policies.rows(_FOLLOWED, epoch, revision, verdict)

    async def policy_propose(self, scope: str, revision: str, files: bytes, actor: str) -> None:
        """Begin a rollout."""
        await self._policies.rows(_PROPOSE, scope, revision, files, actor)

    async def policy_back(self, scope: str, actor: str, seen: str | None) -> PolicyBack:
        """Move a goal back."""
        row = await self._policies.row(_BACK, scope, actor, seen)
        return PolicyBack(row["is_done"], row["now"])

    async def policy_drop(self, scope: str, actor: str) -> bool:
        """Remove a goal."""
        return bool((await self._policies.row(_DROP, scope, actor))["policy_drop_1"])

    async def policy_goals(self) -> list[PolicyGoal]:
        """All goals."""
        return [PolicyGoal(*row.values()) for row in await self._policies.rows(_GOALS)]

    async def policy_rollouts(self) -> list[PolicyRollout]:
        """The last rollout of each scope."""
        return [PolicyRollout(*row.values()) for row in await self._policies.rows(_ROLLOUTS)]

    async def policy_followers(self) -> list[PolicyFollower]:
        """What nodes have said of the goals that they follow."""
        return [PolicyFollower(*row.values()) for row in await self._policies.rows(_FOLLOWERS)]

    async def policy_verdicts(self) -> list[PolicyVerdict]:
        """What nodes have said."""
        return [PolicyVerdict(*row.values()) for row in await self._policies.rows(_VERDICTS)]

    # --- What is kept besides ---

    def shared(self, epoch: int) -> Shared:
        """Tables that all nodes use, for this life."""
        rest, slow = self._rest, self._policies
        return Shared(
            AnswerTable(rest, epoch),
            WebhookTables(rest, epoch),
            EventTable(rest, epoch),
            ImportTables(slow, epoch),
        )

    # --- Hints, which may be lost ---

    async def listen(self, heard: Callable[[], None]) -> None:
        """Have `heard` called when another node hints at a change, until the connection is lost."""
        await self._hints.listen(CHANNEL, heard)

    async def hint(self) -> None:
        """Hint at changes that are stored."""
        await self._hints.rows(_HINT)

    async def close(self) -> None:
        """Close every connection."""
        every = (
            *(self._commit, self._life, self._phones, self._feed),
            *(self._rest, self._hints, self._policies),
        )
        await asyncio.gather(*[one.close() for one in every])


def _aors(rows: Sequence[Row]) -> frozenset[Aor]:
    return frozenset([Aor(row["username"], row["domain"]) for row in rows])


def _good(what: Callable[[Row], _Said | None], rows: Sequence[Row]) -> list[_Said]:
    """What rows say; those that another program has spoilt keep nobody from the others."""
    said: list[_Said] = []
    spoilt: list[str] = []
    for row in rows:
        try:
            one = what(row)
        except SpoiltError as error:
            spoilt.append(error.message)
            continue
        if one is not None:
            said.append(one)
    if spoilt:
        _log.error("store_rows_spoilt", rows=len(spoilt), reason=spoilt[0])
    return said
