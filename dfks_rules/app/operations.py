"""What MI can ask of the running server; see `mi.ports.Operations`."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from dfks_rules.app.desk.reload import PolicyReloader
from dfks_rules.app.metrics import Metrics
from dfks_rules.app.records.decisions import Decisions
from dfks_rules.app.records.logs import LoggedOutcomes
from dfks_rules.errors import StoreError
from dfks_rules.mi.ports import SubscriptionRow
from dfks_rules.model.decisions import Done, Outcome, Repeated, Result
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked, Origin, Requester
from dfks_rules.presence.notifier import Notifier
from dfks_rules.presence.package import EVENT
from dfks_rules.service.features import Features
from dfks_rules.service.ports import Journal


class Records(NamedTuple):
    """What the server writes down and counts."""

    log: LoggedOutcomes
    """Has the level that is logged from."""
    decisions: Decisions
    """What was decided."""
    metrics: Metrics
    """Every counter."""


class ServerOperations:
    """The operators' side of a server."""

    def __init__(
        self,
        features: Features,
        notifier: Notifier,
        records: Records,
        policies: PolicyReloader,
        at: Callable[[], datetime],
        journal: Journal | None = None,
    ) -> None:
        self._features = features
        self._notifier = notifier
        self._records = records
        self.policies = policies
        """The policies in force, and how they become others."""
        self._at = at
        self._journal = journal
        self._loop = asyncio.get_running_loop()
        self._started = self._loop.time()

    async def set_feature(self, presentity: Aor, asked: Asked, param: str | None) -> Outcome:
        """Set one feature, and say what came of it once it is committed."""
        requester = Requester(Origin.OPERATOR, device=asked.device, param=param)
        settled, done = self._awaited()
        self._features.set(presentity, [asked], requester, self._at(), self._loop.time(), done)
        return (await settled)[0]

    async def get_features(self, presentity: Aor) -> tuple[Outcome, ...]:
        """The states of all features, as an operator is told."""
        settled, done = self._awaited()
        requester = Requester(Origin.OPERATOR)
        self._features.get(presentity, requester, self._at(), self._loop.time(), done)
        return await settled

    @property
    def journal(self) -> Journal:
        """Every change of the last time."""
        if self._journal is None:
            message = "states are kept in memory only (`store: memory:`)"
            raise StoreError("store_no_journal", message)
        return self._journal

    def _awaited(self) -> tuple[asyncio.Future[tuple[Outcome, ...]], Done]:
        """What an operator waits for, and what is told of it."""
        settled: asyncio.Future[tuple[Outcome, ...]] = self._loop.create_future()

        def done(result: Result, _now: float) -> None:
            if settled.done():
                return
            if isinstance(result, StoreError):
                settled.set_exception(result)
            else:
                settled.set_result(result.outcomes if isinstance(result, Repeated) else result)

        return settled, done

    def subscriptions(
        self, presentity: Aor | None, offset: int
    ) -> tuple[Iterator[SubscriptionRow], int]:
        """The live subscriptions from a position on, and how many there are."""
        tags = self._notifier.subscriptions.tags(presentity)
        return self._rows(tags[offset:]), len(tags)

    def _rows(self, tags: Iterable[bytes]) -> Iterator[SubscriptionRow]:
        now = self._loop.time()
        for tag in tags:
            subscription = self._notifier.subscriptions.at(tag)
            if subscription is None:
                continue
            dialog = subscription.dialog
            yield SubscriptionRow(
                subscription.presentity.uri,
                subscription.watcher.uri,
                dialog.call_id.decode(errors="replace"),
                max(0, int(subscription.deadline - now)),
                dialog.contact.decode(errors="replace"),
                EVENT.decode(),
                dialog.flow.listener.transport,
                subscription.proof.value,
            )

    def refresh_watchers(self, presentity: Aor) -> int:
        """Send the full state to each watcher; how many there are."""
        return self._notifier.refresh_watchers(presentity, self._at(), self._loop.time())

    def latest_decisions(self, presentity: Aor | None) -> Iterator[dict[str, Any]]:
        """Records of the last decisions, the newest first."""
        return self._records.decisions.latest(None if presentity is None else presentity.uri)

    def explain_decisions(self, which: Aor | str) -> list[dict[str, Any]]:
        """Why a decision, or the last ones about a presentity, came out as they did."""
        return self._records.decisions.explain(which if isinstance(which, str) else which.uri)

    def statistics(self) -> Mapping[str, int]:
        """`group:name` → value."""
        return {
            **self._records.metrics.collect(),
            **self.policies.statistics(),
            "presence:subscriptions": len(self._notifier.subscriptions),
            "presence:subscriptions_unproved": self._notifier.guard.unproved,
            "core:tasks": len(asyncio.all_tasks(self._loop)),
        }

    def uptime(self) -> float:
        """Seconds since the start."""
        return self._loop.time() - self._started

    def log_level(self) -> str:
        """The least level that is logged."""
        return self._records.log.level

    def set_log_level(self, level: str) -> None:
        """Log from this level on."""
        self._records.log.set_level(level)
