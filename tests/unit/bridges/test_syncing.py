"""Both sides end up alike, whatever happened before: with the real API, and a switch in memory."""

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dfks_rules.bridges import syncing
from dfks_rules.bridges.counts import Counts
from dfks_rules.bridges.memory import Memory
from dfks_rules.bridges.merging import Sent, Side
from dfks_rules.bridges.numbering import numbering_of
from dfks_rules.bridges.server import Server, change_of
from dfks_rules.bridges.states import FEATURES, OFF, CallState
from dfks_rules.bridges.syncing import LATEST, Syncer, wait_after
from dfks_rules.web.client import ApiClient, ApiError
from dfks_rules.web.tokens import TokenFile
from tests.helpers.operations import MemoryOperations
from tests.helpers.switches import SwitchInMemory
from tests.helpers.web import api, token_file

DND, CFA, CFB, CFNA = FEATURES
ON, TO_202, TO_203 = CallState(True), CallState(True, "202"), CallState(True, "203")
NUMBERING = numbering_of("{ext}@{domain}", "example.com")
_IDS = itertools.count(1)


class _Pair:
    """A switch with 201, an API, and what is between them."""

    def __init__(self, folder: Path, client: ApiClient) -> None:
        self.switch = SwitchInMemory("201")
        self.server = Server(client)
        self.memory = Memory(folder / "bridge.db")
        self.counts = Counts()
        self.syncer = self.anew()

    def anew(self) -> Syncer:
        """Another one that remembers the same."""
        return Syncer(self.server, self.switch, self.memory, NUMBERING, self.counts)

    async def set(self, body: dict[str, Any], feature: Any = CFA, user: str = "201") -> None:
        """Somebody else sets a feature."""
        uri = f"sip:{user}@example.com"
        now = await self.server.show(uri)
        await self.server.set(uri, feature, body, change_of(now.revision))

    async def tell(self, user: str = "201", at: float | None = None) -> None:
        """The event of the newest change."""
        uri = f"sip:{user}@example.com"
        when = datetime.now(UTC) if at is None else datetime.fromtimestamp(at, UTC)  # noqa: TID251
        revision = (await self.server.show(uri)).revision
        told = {"presentity": uri, "revision": revision, "at": when.isoformat()}
        await self.syncer.event(str(next(_IDS)), told)

    async def stored(self, feature: Any = CFA) -> Any:
        """What the server has for 201."""
        return (await self.server.show("sip:201@example.com")).features[feature.value]


@asynccontextmanager
async def _pair(folder: Path) -> AsyncIterator[_Pair]:
    async with api(MemoryOperations()) as running, ApiClient(running.url) as client:
        pair = _Pair(folder, client)
        yield pair
        pair.memory.close()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is waited for."""
    monkeypatch.setattr(syncing, "SOONEST", 0.0)


async def test_event_is_taken_over_once(tmp_path: Path) -> None:
    """The same event again is one that was seen; the place is kept."""
    async with _pair(tmp_path) as pair:
        await pair.set({"status": "on", "forwardTo": "202"})
        await pair.tell()
        await pair.tell()
        assert pair.switch.written == [("201", CFA, TO_202)]
        assert (pair.counts.events, pair.counts.skipped) == (2, 1)
        assert pair.memory.last_event


async def test_hint_is_taken_over_and_its_event_is_no_news(tmp_path: Path) -> None:
    """An echo ends where it comes back."""
    async with _pair(tmp_path) as pair:
        pair.switch.kept["201"][CFA] = TO_202
        await pair.syncer.hint("201")
        assert await pair.stored() == {"status": "on", "forwardTo": "202"}
        await pair.tell()
        await pair.syncer.hint("201")
        assert pair.switch.written == []
        assert (pair.counts.to_server, pair.counts.skipped) == (1, 1)


async def test_each_side_changes_another_feature(tmp_path: Path) -> None:
    """Nothing is lost of either."""
    async with _pair(tmp_path) as pair:
        await pair.syncer.sweep(is_full=True)
        await pair.set({"status": "on", "forwardTo": "202"})
        pair.switch.kept["201"][DND] = ON
        await pair.tell()
        assert pair.switch.kept["201"] == {DND: ON, CFA: TO_202, CFB: OFF, CFNA: OFF}
        assert await pair.stored(DND) == {"status": "on"}


@pytest.mark.parametrize("changed_at", [0.0, 2_000.0])
async def test_later_change_of_one_feature_wins(tmp_path: Path, changed_at: float) -> None:
    """The switch's, where it says when it was; otherwise what was told of last."""
    async with _pair(tmp_path) as pair:
        await pair.syncer.sweep(is_full=True)
        await pair.set({"status": "on", "forwardTo": "202"})
        pair.switch.kept["201"][CFA] = TO_203
        pair.switch.changed_at = changed_at
        await pair.tell(at=1_000.0)
        wanted = TO_203 if changed_at else TO_202
        assert pair.switch.kept["201"][CFA] == wanted
        assert (await pair.stored())["forwardTo"] == wanted.target
        await pair.set({"status": "on", "forwardTo": "204"})
        pair.switch.kept["201"][CFA] = CallState(True, "205")
        await pair.syncer.hint("201")
        assert (await pair.stored())["forwardTo"] == "205"


async def test_first_sweep_takes_what_users_have_set_at_the_switch(tmp_path: Path) -> None:
    """Of extensions for which nothing was ever set here; for others, what is stored here holds."""
    async with _pair(tmp_path) as pair:
        pair.switch.kept |= {"202": dict.fromkeys(FEATURES, OFF) | {DND: ON}}
        await pair.set({"status": "on", "forwardTo": "202"})
        await pair.set({"status": "on"}, DND, "nobody")
        pair.switch.kept["201"][CFA] = TO_203
        await pair.syncer.sweep(is_full=True)
        assert pair.switch.kept["201"][CFA] == TO_202
        shown = await pair.server.show("sip:202@example.com")
        assert shown.features["DoNotDisturb"] == {"status": "on"}
        assert pair.memory.agreed("nobody") is None


async def test_light_sweep_finds_what_has_no_hint(tmp_path: Path) -> None:
    """CFB and CFU of Asterisk; the server is asked only where something differs."""
    async with _pair(tmp_path) as pair:
        await pair.syncer.sweep(is_full=True)
        pair.switch.kept["201"][CFB] = TO_202
        await pair.syncer.sweep(is_full=False)
        await pair.syncer.sweep(is_full=False)
        assert await pair.stored(CFB) == {"status": "on", "forwardTo": "202"}
        assert (pair.counts.sweeps, pair.counts.to_server) == (3, 1)


async def test_full_sweep_finds_what_no_event_told(tmp_path: Path) -> None:
    """As after a gap."""
    async with _pair(tmp_path) as pair:
        await pair.syncer.sweep(is_full=True)
        await pair.set({"status": "on", "forwardTo": "202"})
        await pair.syncer.sweep(is_full=False)
        assert pair.switch.written == []
        await pair.syncer.sweep(is_full=True)
        assert pair.switch.written == [("201", CFA, TO_202)]


async def test_target_that_cannot_be_dialled_is_off_and_stays_stored(tmp_path: Path) -> None:
    """The switch does not take it back to the server."""
    async with _pair(tmp_path) as pair:
        await pair.set({"status": "on", "forwardTo": "202"})
        await pair.tell()
        await pair.set({"status": "on", "forwardTo": "sip:bob@elsewhere.example"})
        await pair.tell()
        await pair.syncer.sweep(is_full=False)
        await pair.syncer.hint("201")
        assert pair.switch.kept["201"][CFA] == OFF
        assert await pair.stored() == {"status": "on", "forwardTo": "sip:bob@elsewhere.example"}
        assert pair.counts.not_dialled


async def test_what_is_refused_is_written_back(tmp_path: Path) -> None:
    """Here since the feature cannot have such a value."""
    async with _pair(tmp_path) as pair:
        await pair.set({"status": "on", "forwardTo": "202"})
        await pair.tell()
        pair.switch.kept["201"][CFA] = CallState(True, "x" * 600)
        await pair.syncer.hint("201")
        assert pair.switch.kept["201"][CFA] == TO_202
        assert (pair.counts.refused, pair.counts.to_server) == (1, 0)


async def test_nothing_is_lost_while_the_switch_is_away(tmp_path: Path) -> None:
    """The event waits; afterwards, hints may be missing."""
    async with _pair(tmp_path) as pair:
        await pair.set({"status": "on", "forwardTo": "202"})
        pair.switch.away = 5
        await pair.tell()
        assert pair.switch.kept["201"][CFA] == TO_202
        assert pair.syncer.is_behind
        assert pair.counts.switch_lost == 3
        await pair.syncer.sweep(is_full=False)
        assert not pair.syncer.is_behind


async def test_switch_that_refuses_is_told_and_passed_over(tmp_path: Path) -> None:
    """Others must not wait for it."""
    async with _pair(tmp_path) as pair:
        pair.switch.refuses = True
        await pair.set({"status": "on", "forwardTo": "202"})
        await pair.tell()
        assert pair.counts.switch_refused == 1
        pair.switch.refuses = False
        await pair.syncer.sweep(is_full=True)
        assert pair.switch.kept["201"][CFA] == TO_202


async def test_presentity_without_an_extension_is_passed_over(tmp_path: Path) -> None:
    """And an extension that the switch does not have."""
    async with _pair(tmp_path) as pair:
        await pair.set({"status": "on"}, DND, "nobody")
        await pair.tell("nobody")
        await pair.syncer.hint("999")
        await pair.syncer.hint("../x")
        assert (pair.counts.unknown, pair.switch.written) == (2, [])


async def test_bridge_that_was_killed_after_a_set_goes_on(tmp_path: Path) -> None:
    """Nothing that both have is a change."""
    async with _pair(tmp_path) as pair:
        await pair.syncer.sweep(is_full=True)
        pair.switch.kept["201"][CFA] = TO_202
        await pair.set({"status": "on", "forwardTo": "202"})
        await pair.anew().sweep(is_full=True)
        pair.switch.kept["201"][CFA] = OFF
        await pair.anew().sweep(is_full=True)
        assert await pair.stored() == {"status": "off", "forwardTo": "202"}


async def test_bridge_that_was_killed_in_its_first_write_knows_what_changed_since(
    tmp_path: Path,
) -> None:
    """Whatever already agreed was written down before."""
    async with _pair(tmp_path) as pair:
        await pair.set({"status": "on", "forwardTo": "202"})
        pair.switch.refuses = True
        await pair.syncer.sweep(is_full=True)
        pair.switch.refuses = False
        pair.switch.kept["201"] |= {CFA: TO_202, DND: ON}
        await pair.anew().sweep(is_full=True)
        assert await pair.stored(DND) == {"status": "on"}


async def test_bridge_that_was_killed_before_it_wrote_down_what_it_did_knows_it(
    tmp_path: Path,
) -> None:
    """The user changes the same feature again before the bridge is back."""
    async with _pair(tmp_path) as pair:
        await pair.syncer.sweep(is_full=True)
        pair.switch.kept["201"][CFA] = TO_202
        agreed = pair.memory.agreed("201")
        assert agreed is not None
        pair.memory.remember("201", agreed._replace(sent={CFA: Sent(Side.SWITCH, TO_202)}))
        await pair.set({"status": "on", "forwardTo": "202"})
        pair.switch.kept["201"][CFA] = TO_203
        await pair.anew().sweep(is_full=True)
        assert (await pair.stored())["forwardTo"] == "203"
        remembered = pair.memory.agreed("201")
        assert remembered is not None
        assert remembered.sent == {}


async def test_switch_that_keeps_nothing_is_not_written_for_ever(tmp_path: Path) -> None:
    """Some rounds, then the next sweep."""
    async with _pair(tmp_path) as pair:
        await pair.syncer.sweep(is_full=True)
        pair.switch.forgets = True
        await pair.set({"status": "on", "forwardTo": "202"})
        await pair.tell()
        assert len(pair.switch.written) <= syncing.ROUNDS


async def test_rings_that_one_side_learns_stay(tmp_path: Path) -> None:
    """Asterisk has no place for them; what it has is no reason to forget them."""
    async with _pair(tmp_path) as pair:
        await pair.set({"status": "on", "forwardTo": "202", "ringCount": 4}, CFNA)
        await pair.tell()
        pair.switch.kept["201"][CFNA] = TO_203
        await pair.syncer.hint("201")
        assert await pair.stored(CFNA) == {"status": "on", "forwardTo": "203", "ringCount": 4}


async def test_want_of_a_right_ends_it(tmp_path: Path) -> None:
    """It will not get better by itself."""
    tokens = token_file(tmp_path, reader=(["features:read"], ()))
    async with (
        api(MemoryOperations(), TokenFile(tmp_path / "tokens.json")) as running,
        ApiClient(running.url, tokens["reader"]) as client,
    ):
        pair = _Pair(tmp_path, client)
        pair.switch.kept["201"][DND] = ON
        with pytest.raises(ApiError, match="403 The token does not allow this"):
            await pair.syncer.hint("201")
        pair.memory.close()


def test_failures_are_waited_for_longer_and_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """But not for ever."""
    monkeypatch.setattr(syncing, "SOONEST", 0.5)
    assert [wait_after(number) for number in (1, 2, 3)] == [0.5, 1.0, 2.0]
    assert wait_after(10_000) == LATEST
