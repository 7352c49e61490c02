"""Makes the states of one switch and of the server the same, one extension after the other."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from enum import Enum
from typing import Any, TypeVar

import structlog

from dfks_rules.bridges.counts import Counts
from dfks_rules.bridges.memory import Agreed, Memory
from dfks_rules.bridges.merging import Sent, Side, arrived, holds
from dfks_rules.bridges.numbering import EXTENSION, Numbering
from dfks_rules.bridges.ports import Kept, Switch, SwitchLostError, SwitchRefusedError
from dfks_rules.bridges.server import (
    ChangedError,
    Presentity,
    RefusedError,
    Server,
    ServerAwayError,
    change_of,
    is_useless,
)
from dfks_rules.bridges.states import FEATURES, OFF, CallState, agree, from_server, to_server
from dfks_rules.model.features import Feature
from dfks_rules.web.client import ApiError

ROUNDS = 5
"""How often both are looked at until they agree."""
SOONEST = 0.5
"""Seconds until something that failed is tried again; then twice as many each time."""
LATEST = 30.0
"""The most seconds until then."""

_log = structlog.get_logger("dfks.bridge")
_Answer = TypeVar("_Answer")
_Now = dict[Feature, CallState]
NEVER_SET = Presentity(0, {})


class Cause(Enum):
    """Why an extension is looked at."""

    EVENT = "event"
    """The server told that it has changed there."""
    HINT = "hint"
    """The switch did."""
    SWEEP = "sweep"
    """Everything is looked at."""


def wait_after(failures: int) -> float:
    """Seconds to wait after so many failures in a row, of which there was at least one."""
    return min(LATEST, SOONEST * 2.0 ** min(failures - 1, 10))


class Syncer:
    """One switch and one server. One thing at a time: nothing is decided on what is half done."""

    def __init__(
        self, server: Server, switch: Switch, memory: Memory, numbering: Numbering, counts: Counts
    ) -> None:
        self._server = server
        self._switch = switch
        self._memory = memory
        self._numbering = numbering
        self._counts = counts
        self.is_behind = False
        """Whether the switch was away since the last sweep, so that hints of it are lost."""

    async def event(self, id_: str, told: Mapping[str, Any]) -> None:
        """The server has changed something.

        Args:
            id_: of the event.
            told: its data.
        """
        self._counts.events += 1
        extension = self._numbering.extension_of(told["presentity"])
        if extension is None:
            self._counts.unknown += 1
        else:
            agreed = self._memory.agreed(extension)
            if agreed is not None and told["revision"] <= agreed.revision:
                # Our own, or one that was seen with an earlier one.
                self._counts.skipped += 1
            else:
                at = datetime.fromisoformat(told["at"]).timestamp()
                await self._settle(extension, Cause.EVENT, at)
        self.place(id_)

    def place(self, id_: str) -> None:
        """Everything is dealt with, up to the event with this id."""
        self._memory.seen(id_)
        self._memory.commit()

    async def hint(self, extension: str) -> None:
        """The switch has changed something."""
        self._counts.hints += 1
        if EXTENSION.fullmatch(extension):
            await self._settle(extension, Cause.HINT)
            self._memory.commit()

    async def sweep(self, *, is_full: bool) -> None:
        """Compare all extensions.

        Args:
            is_full: also with the server; otherwise only with what was agreed on, for what the
                server has changed it tells.
        """
        self._counts.sweeps += 1
        kept = await self._patiently(self._switch.read_all)
        self.is_behind = False
        stored = await self._patiently(self._every) if is_full else {}
        for extension, one in kept.items():
            agreed = self._memory.agreed(extension)
            if not is_full and agreed is not None and _same(agreed.states, one.states):
                continue
            if is_full:
                presentity = stored.get(extension, NEVER_SET)
                if _same(self._view(presentity), one.states):
                    self._remember(extension, presentity, one)
                    continue
            await self._settle(extension, Cause.SWEEP)
        self._memory.commit()

    async def _every(self) -> dict[str, Presentity]:
        found = {}
        async for uri, presentity in self._server.every(self._numbering.domain):
            extension = self._numbering.extension_of(uri)
            if extension is not None:
                found[extension] = presentity
        return found

    async def _settle(self, extension: str, cause: Cause, at: float = 0.0) -> None:
        """Make both the same for one extension."""
        uri = self._numbering.presentity_of(extension)
        agreed = self._memory.agreed(extension)
        base: _Now = dict(agreed.states) if agreed else {}
        sent = dict(agreed.sent) if agreed else {}
        for _ in range(ROUNDS):
            kept = await self._patiently(lambda: self._switch.read(extension))
            if kept is None:
                self._counts.unknown += 1
                return
            try:
                stored = await self._patiently(lambda: self._server.show(uri))
                self._add_arrived(base, sent, kept, stored)
                later = _later(cause, at, kept, stored, is_first=agreed is None)
                if not await self._round(extension, base, kept, stored, later):
                    self._remember(extension, stored, kept)
                    return
            except (SwitchRefusedError, ApiError) as error:
                if isinstance(error, ApiError) and is_useless(error):
                    raise
                self._counts.switch_refused += isinstance(error, SwitchRefusedError)
                _log.warning("bridge_refused", extension=extension, reason=error.message)
                break
        else:
            self._counts.unsettled += 1
            _log.warning("bridge_unsettled", extension=extension)
        # What was taken over is agreed on, whatever else is not.
        self._remember_some(extension, base)

    def _add_arrived(
        self, base: _Now, sent: dict[Feature, Sent], kept: Kept, stored: Presentity
    ) -> None:
        """Add what was on its way when the bridge was killed; once."""
        view = self._view(stored) if sent else {}
        for feature, one in sent.items():
            now = arrived(base.get(feature), one, view[feature], kept.states[feature])
            if now is not None:
                base[feature] = now
        sent.clear()

    def _remember_some(
        self, extension: str, base: _Now, sent: Mapping[Feature, Sent] | None = None
    ) -> None:
        """Some features are agreed on; events since the last time that all were are looked at."""
        agreed = self._memory.agreed(extension)
        revision = agreed.revision if agreed else 0
        self._memory.remember(extension, Agreed(revision, dict(base), sent or {}))
        self._memory.commit()

    async def _round(
        self, extension: str, base: _Now, kept: Kept, stored: Presentity, later: Side
    ) -> bool:
        """Take over what differs.

        Args:
            extension: whose.
            base: what was agreed on; what now is, is added.
            kept: what the switch has.
            stored: what the server has.
            later: who is followed where both have changed.

        Returns:
            Whether anything differed.
        """
        view, revision = self._view(stored), stored.revision
        sides = {one: holds(base.get(one), view[one], kept.states[one], later) for one in FEATURES}
        if not any(sides.values()):
            return False
        base |= {one: view[one] for one, side in sides.items() if side is None}
        # If this process is killed now, what differs afterwards is known to be a change.
        sent = {
            one: Sent(side, view[one] if side is Side.SERVER else kept.states[one])
            for one, side in sides.items()
            if side is not None
        }
        self._remember_some(extension, base, sent)
        for feature, side in sides.items():
            server, switch = view[feature], kept.states[feature]
            if side is None:
                continue
            if side is Side.SERVER:
                await self._to_switch(extension, feature, server)
                base[feature] = server
                continue
            try:
                revision = await self._to_server(extension, feature, switch, revision)
            except ChangedError:
                return True
            # Where the server has kept another state, it now is the one who has changed it.
            base[feature] = switch
        return True

    async def _to_switch(self, extension: str, feature: Feature, state: CallState) -> None:
        await self._patiently(lambda: self._switch.write(extension, feature, state))
        self._counts.to_switch += 1
        _log.info(
            "bridge_to_switch", extension=extension, feature=feature.value, status=int(state.is_on)
        )

    async def _to_server(
        self, extension: str, feature: Feature, state: CallState, revision: int
    ) -> int:
        """Set what the switch has; the revision after that."""
        uri, change = self._numbering.presentity_of(extension), change_of(revision)
        body = to_server(feature, state)
        try:
            revision = await self._patiently(lambda: self._server.set(uri, feature, body, change))
        except RefusedError as error:
            self._counts.refused += 1
            _log.warning(
                "bridge_set_refused",
                extension=extension,
                feature=feature.value,
                reason=str(error),
            )
            return revision
        self._counts.to_server += 1
        _log.info(
            "bridge_to_server", extension=extension, feature=feature.value, status=int(state.is_on)
        )
        return revision

    def _view(self, presentity: Presentity) -> _Now:
        """What the switch is to have, by the server."""
        view = {}
        for feature in FEATURES:
            told = presentity.features.get(feature.value, {"status": "off"})
            state = from_server(feature, told, self._numbering)
            if state is None:
                self._counts.not_dialled += 1
            view[feature] = state or OFF
        return view

    def _remember(self, extension: str, presentity: Presentity, kept: Kept) -> None:
        view = self._view(presentity)
        # Rings that only one of the two knows are no difference, and worth knowing.
        states = {one: view[one] if view[one].rings else kept.states[one] for one in FEATURES}
        self._memory.remember(extension, Agreed(presentity.revision, states))

    async def _patiently(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """The answer, however long the other side is away."""
        failures = 0
        while True:
            try:
                return await ask()
            except ServerAwayError as error:
                self._counts.server_lost += 1
                failures += 1
                _log.warning("bridge_server_away", reason=error.message)
                await asyncio.sleep(wait_after(failures))
            except SwitchLostError as error:
                self._counts.switch_lost += 1
                self.is_behind = True
                failures += 1
                _log.warning("bridge_switch_away", reason=error.message)
                await asyncio.sleep(wait_after(failures))
                await self.connect()

    async def connect(self) -> None:
        """Connect to the switch; if that fails, whoever asks it next is told."""
        try:
            await self._switch.connect()
            _log.info("bridge_switch_back")
        except SwitchLostError as error:
            _log.debug("bridge_switch_not_connected", reason=error.message)


def _same(one: Mapping[Feature, CallState], other: Mapping[Feature, CallState]) -> bool:
    """Whether all features agree; one may be missing that was never agreed on."""
    return all(feature in one and agree(one[feature], other[feature]) for feature in FEATURES)


def _later(cause: Cause, at: float, kept: Kept, stored: Presentity, *, is_first: bool) -> Side:
    """Who changed it later, as far as one can know."""
    if cause is Cause.HINT:
        return Side.SWITCH
    if is_first and not stored.revision:
        # Nobody has ever set anything here: what the switch has is what users have set.
        return Side.SWITCH
    if cause is Cause.EVENT and kept.changed_at > at:
        return Side.SWITCH
    return Side.SERVER
