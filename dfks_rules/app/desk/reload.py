"""The policies of a running server, and every way in which they are replaced.

A change of files, SIGHUP, an operator's reload or rollback, a rollout to several nodes, and the
start all check and compile in a process apart (`app.desk.apart`), bring the rules into the engine a
millisecond at a time (`app.desk.rulesets`), and then replace one reference. Whatever fails leaves
the old policies deciding.

While nodes follow a goal, nothing on the disk of one of them replaces it.

INVARIANT: all of one request is decided in one turn of the event loop. So no request that began
with the old policies is still to be decided when they are replaced.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import structlog

from dfks_rules.app.desk import last_good
from dfks_rules.app.desk.apart import Checker
from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.app.desk.revisions import Revision, Revisions
from dfks_rules.app.desk.rulesets import bring_in, take_out
from dfks_rules.app.desk.served import (
    Found,
    find_served,
    has_policies,
    is_same,
    read_served,
    usable,
)
from dfks_rules.app.desk.shadow import Shadowing
from dfks_rules.app.desk.texts import files_of
from dfks_rules.app.desk.watching import at_rest, changes
from dfks_rules.config.settings import ReloadSettings
from dfks_rules.errors import DfksError, PolicyError
from dfks_rules.operations.events import Event, policies_changed, policies_refused
from dfks_rules.operations.policies import (
    Activation,
    FailureRow,
    FileRow,
    PolicyListing,
    PolicyRow,
    ShadowRow,
)
from dfks_rules.operations.studies import Text
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.deciding.compiled import CompiledPolicies, compile_policies, revision_of
from dfks_rules.policy.deciding.live import Difference, LivePolicies, SpotCheck
from dfks_rules.policy.deciding.matching import Shards
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.policy.reading.read_site import attributes_read
from dfks_rules.policy.reading.source import DIRECTORY, NUMBER_PLAN, Source, kind_of
from dfks_rules.policy.site.site import Site

SENT = "(sent)"
"""What a candidate has for a path when its texts were sent."""
MAX_LOGGED = 100
"""Findings of a failure that are logged."""

_log = structlog.get_logger("dfks.policy")


class PolicyReloader:
    """Holds the policies that decide; for operators, see `operations.policies.PolicyDesk`."""

    def __init__(
        self, paths: tuple[Path, ...], settings: ReloadSettings, checker: Checker | None = None
    ) -> None:
        self._paths = paths
        self._settings = settings
        self._checker = checker or Checker(proofs=settings.proofs)
        self._shards = Shards()
        self._turn = asyncio.Lock()
        self._revisions = Revisions(settings.keep)
        self._waiting: asyncio.Task[None] | None = None
        """Whether a reload that nobody waits for has still to read the files."""
        self._seen: Found | None = None
        """What was found when files were last read."""
        self._goal: PolicyFiles | None = None
        """What outranks the files."""
        self._prepared: tuple[PolicyFiles, CompiledPolicies] | None = None
        """What was checked last, to decide soon."""
        self._failure: FailureRow | None = None
        self._counts = {"policy:reloads": 0, "policy:reload_failures": 0}
        self._past_engine_failures = 0
        self._spot_check = SpotCheck(_log_disagreement)
        self._tasks: set[asyncio.Task[None]] = set()
        nothing = PolicySet(compile_policies([]), self._shards, [])
        self.live = LivePolicies(nothing, self._spot_check)
        """What to ask; it stays the same object."""
        self._shadowing = Shadowing(self.live, self._shards)
        self.tell: Callable[[Event], None] = _nobody
        """Told when others decide, and when some cannot be used."""

    async def start(self, goal: PolicyFiles | None = None) -> None:
        """Take the files, or the last good ones when these are broken or gone.

        Args:
            goal: what to take in place of the files on disk, and to follow.

        Raises:
            PolicyError: neither can be used; it says what is wrong with the files.
        """
        # Whoever wants a reload already has to wait until there is something to replace.
        async with self._turn:
            self._goal = goal
            self._seen = await asyncio.to_thread(find_served, self._paths)
            try:
                first = (usable(self._seen), "files") if goal is None else (goal, "rollout")
                await self._activate(*first)
            except DfksError as error:
                kept = await asyncio.to_thread(last_good.recall, self._settings.last_good)
                if kept is None:
                    raise
                self._failed(error, "start")
                try:
                    await self._activate(kept, "last good")
                except DfksError:
                    raise error from None

    def watch(self) -> None:
        """Reload from now on when files change, if the settings say so."""
        if self._settings.watch:
            self._keep(asyncio.create_task(self._watch()))

    def reload_soon(self, trigger: str) -> "asyncio.Task[None]":
        """Reload without waiting for it; the log says what came of it. Gives what does it.

        Of many that wait for their turn one is enough: it reads what there is then.
        """
        if self._waiting is None:
            self._waiting = asyncio.create_task(self._reload_quietly(trigger))
            self._keep(self._waiting)
        return self._waiting

    async def reload(self, trigger: str) -> Activation:
        """Read the files again; see `operations.policies.PolicyDesk`."""
        async with self._turn:
            self._waiting = None
            files = self._seen = await asyncio.to_thread(find_served, self._paths)
            self._check_that_nothing_outranks(trigger)
            active = self._revisions.active
            if files == active.files:
                self._failure = None
                _log.info("policy_reload_unchanged", trigger=trigger, revision=active.id)
                return Activation(active.id, changed=False)
            try:
                await self._activate(usable(files), "files")
            except DfksError as error:
                self._failed(error, trigger)
                raise
            self._counts["policy:reloads"] += 1
            return Activation(self.live.active.revision, changed=True)

    async def check(self) -> Activation:
        """Read and compile the files as a reload would, and leave it at that."""
        async with self._turn:
            files = await asyncio.to_thread(find_served, self._paths)
            revision = (await self._checker.check(usable(files))).revision
            return Activation(revision, changed=revision != self.live.active.revision)

    async def rollback(self, revision: str | None) -> Activation:
        """Bring a kept revision back; files that stay as they are do not undo it."""
        async with self._turn:
            self._check_that_nothing_outranks("operator")
            wanted = self._revisions.find(revision)
            if wanted.id == self._revisions.active.id:
                return Activation(wanted.id, changed=False)
            try:
                await self._activate(wanted.files, "rollback")
            except DfksError as error:
                self._failed(error, "operator")
                raise
            self._counts["policy:reloads"] += 1
            return Activation(wanted.id, changed=True)

    async def prepare(self, files: PolicyFiles) -> None:
        """Check files that are to decide soon, so that this is quick then.

        Raises:
            PolicyError: they cannot be used.
        """
        async with self._turn:
            self._prepared = None
            self._prepared = (files, await self._checker.check(files, self._known_site(files)))

    async def follow(self, goal: PolicyFiles | None) -> None:
        """Have these decide, whatever is on disk; None: what is on disk.

        Raises:
            DfksError: they cannot be used; what decided goes on, and so does what outranks.
        """
        async with self._turn:
            self._goal = goal
            if goal is not None and revision_of(goal.sources) != self._revisions.active.id:
                try:
                    await self._activate(goal, "rollout")
                except DfksError as error:
                    self._failed(error, "rollout")
                    raise
                self._counts["policy:reloads"] += 1
        if goal is None:
            await self.reload("rollout")

    @property
    def follows(self) -> bool:
        """Whether something outranks the files."""
        return self._goal is not None

    async def start_shadow(self, candidate: str | Sequence[Text]) -> ShadowRow:
        """Compare a candidate with what decides from now on."""
        async with self._turn:
            if isinstance(candidate, str):
                path, files = candidate, await asyncio.to_thread(read_served, [Path(candidate)])
            else:
                path, files = SENT, files_of(candidate)
            compiled = await self._checker.check(files, self._known_site(files))
            policies = await bring_in(compiled, self._shards)
            row = await self._shadowing.begin(policies, path, _now())
            _log.info("policy_shadow_started", path=path, revision=policies.revision)
            return row

    async def stop_shadow(self) -> None:
        """Compare no more."""
        async with self._turn:
            await self._shadowing.end()

    def set_of(self, revision: str) -> PolicySet | None:
        """The policies of that revision, while it is kept; they may be closed."""
        return next((one.policies for one in self._revisions.kept if one.id == revision), None)

    def files_of(self, revision: str) -> PolicyFiles | None:
        """The files of that revision, while it is kept."""
        return next((one.files for one in self._revisions.kept if one.id == revision), None)

    def files(self, revision: str) -> list[FileRow]:
        """What a kept revision is made of."""
        kept = self._revisions.find(revision).files
        return [FileRow(*source) for several in kept for source in several]

    def listing(self) -> PolicyListing:
        """The policies in force, and what else is known of them."""
        active, policies = self._revisions.active, self.live.active
        return PolicyListing(
            policies.revision,
            tuple(PolicyRow(one.file, one.name, one.rules) for one in policies.policies),
            active.since.isoformat(timespec="seconds"),
            active.origin,
            self._revisions.rows,
            self._failure,
            self._shadowing.row,
        )

    @property
    def in_force(self) -> Revision:
        """The revision that decides."""
        return self._revisions.active

    @property
    def has_failed(self) -> bool:
        """Whether what is in force is older than what was to be loaded last."""
        return self._failure is not None

    def statistics(self) -> Mapping[str, int]:
        """`policy:name` → value, since the start."""
        return {
            **self._counts,
            "policy:engine_failures": self._past_engine_failures + self.live.active.engine_failures,
            "policy:oracle_checks": self._spot_check.checks,
            "policy:oracle_disagreements": self._spot_check.disagreements,
            **self._shadowing.counts,
        }

    async def close(self) -> None:
        """Stop watching, give up what is under way, and free the engine's memory."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.live.shadow is not None:
            self.live.shadow.candidate.close()
        self.live.active.close()

    async def _activate(self, files: PolicyFiles, origin: str) -> None:
        """Make files the policies that decide."""
        prepared, self._prepared = self._prepared, None
        if prepared is not None and prepared[0] == files:
            compiled = prepared[1]
        else:
            compiled = await self._checker.check(files, self._known_site(files))
        policies = await bring_in(compiled, self._shards)
        revision = Revision(policies.revision, files, policies, _now(), origin)
        old = self.live.activate(policies)
        self._shadowing.begin_anew(_now())
        if origin == "rollback":
            self._revisions.bring_back(revision)
        else:
            self._revisions.add(revision)
        _log.info("policy_activated", revision=revision.id, origin=origin)
        self.tell(policies_changed(revision.id, origin, revision.since))
        if origin != "last good":
            self._failure = None
            await self._keep_last_good(files)
        self._past_engine_failures += old.engine_failures
        await take_out(old, self._shards)

    def _check_that_nothing_outranks(self, trigger: str) -> None:
        """See whether a node may go its own way.

        Raises:
            DfksError: it may not (`policy_goal`).
        """
        if self._goal is None:
            return
        _log.info("policy_files_outranked", trigger=trigger, revision=self._revisions.active.id)
        why = phrase("all nodes follow a rollout; `dfks policy rollout` changes what they follow")
        raise DfksError("policy_goal", why)

    def _known_site(self, files: PolicyFiles) -> Site | None:
        """100,000 users take 30 MB: they are there once where only rules and lists change."""
        read = attributes_read(files.sources)
        for kept in self._revisions.kept:
            is_same = _site_files(kept.files) == _site_files(files)
            if is_same and attributes_read(kept.files.sources) == read:
                return kept.policies.site
        return None

    async def _keep_last_good(self, files: PolicyFiles) -> None:
        if not has_policies(files):
            return  # `policies: []` says so today; it must not be what a broken start falls back on
        path = self._settings.last_good
        try:
            await asyncio.to_thread(last_good.keep, path, files)
        except OSError as error:
            _log.warning("policy_last_good_not_kept", path=str(path), error=str(error))

    def _failed(self, error: DfksError, trigger: str) -> None:
        self._counts["policy:reload_failures"] += 1
        findings = error.findings if isinstance(error, PolicyError) else [error.message]
        told = tuple(map(str, findings))
        self._failure = FailureRow(_now().isoformat(timespec="seconds"), trigger, told)
        logged, more = told[:MAX_LOGGED], max(0, len(told) - MAX_LOGGED)
        _log.error("policy_reload_failed", trigger=trigger, findings=logged, more=more)
        self.tell(policies_refused(trigger, told, _now()))

    async def _watch(self) -> None:
        async with contextlib.aclosing(changes(self._paths, poll=self._settings.poll)) as looks:
            async for _ in looks:
                if await self._has_changed():
                    await self._reload_quietly("change")

    async def _has_changed(self) -> bool:
        """Whether files are other than when they were last read, and stay so."""

        async def read() -> Found:
            return await asyncio.to_thread(find_served, self._paths)

        if is_same(await read(), self._seen):
            return False
        return not is_same(await at_rest(read, is_same), self._seen)

    async def _reload_quietly(self, trigger: str) -> None:
        # The failure is logged, listed and counted; nobody waits for it here.
        with contextlib.suppress(DfksError):
            await self.reload(trigger)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("policy_reload_broken", exc_info=task.exception())


def _site_files(files: PolicyFiles) -> list[Source]:
    return [source for source in files.sources if kind_of(source) in (DIRECTORY, NUMBER_PLAN)]


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - when an operator's log says it was


def _nobody(_event: Event) -> None:
    """Nobody is told."""


def _log_disagreement(difference: Difference) -> None:
    other = difference.other
    _log.error(
        "policy_oracle_disagreement",
        given=difference.given,
        engine=difference.active.matched,
        reference=other and other.matched,
        revision=difference.active.revision,
    )
