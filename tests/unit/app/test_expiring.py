"""What is switched off by itself, in time that a test has pass."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta

from dfks_rules.app.driver import BREATH
from dfks_rules.app.expiring import AGAIN, IN_VAIN, LONGEST, LOOK, PORTION, Expiring
from dfks_rules.errors import StoreError
from dfks_rules.model.features import NOTHING_STORED, OFF, Deadline
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.service.features import Features
from dfks_rules.service.feed import Feed
from dfks_rules.service.ports import Fetched, Settle, Verdict, Wanted
from dfks_rules.store.memory import MemoryStore
from tests.helpers.cluster import virtually
from tests.helpers.policy import ALICE, BOB, CFA, DND, NOON, ON, PHONE, policies
from tests.helpers.states import forwarding
from tests.helpers.wanted import commit, wanted

HOUR = 3600.0
RULES = """
- id: do-not-disturb
  when: {op: set, feature: DoNotDisturb}
  then: {expire: 1h}
- id: forward
  when: {op: set, feature: CallForwardingAlways}
  then: {expire: 15m}
"""


class Bench:
    """A server's expiring, on a store that does as it is told."""

    def __init__(self, rules: str = RULES, store: "Store | None" = None) -> None:
        self.loop = asyncio.get_running_loop()
        self._began = self.loop.time()
        self.store = Store() if store is None else store
        self.feed = Feed()
        self.policies: PolicySet = policies(rules)
        self.features = Features(self.store, self.policies, self.feed)
        self.is_turn = True
        self.clock = 0.0
        """How far somebody has set the clock ahead, s."""

    def at(self) -> datetime:
        """Local time."""
        return NOON + timedelta(seconds=self.loop.time() - self._began + self.clock)

    def begin(self, *, shared: bool = False) -> Expiring:
        """Switch off from now on."""
        acts = self._acts if shared else None
        expiring = Expiring(self.features, self.store, self.at, acts)
        self.feed.on_deadline = expiring.hear
        expiring.begin()
        return expiring

    async def _acts(self) -> bool:
        return self.is_turn

    def press(self, presentity: Aor, *asked: Asked) -> None:
        """A phone sets something."""
        now = self.loop.time()
        self.features.set(presentity, asked, PHONE, self.at(), now, lambda *_: None)

    def is_on(self, presentity: Aor = ALICE) -> tuple[bool, bool]:
        """Do not disturb, and forwarding."""
        snapshot = self.store.known(presentity) or NOTHING_STORED
        return snapshot.state(DND).status, snapshot.state(CFA).status


class Store(MemoryStore):
    """Counts looks, fails, and forgets."""

    def __init__(self) -> None:
        super().__init__(asyncio.get_running_loop().time)
        self.looks = 0
        self.is_away = False
        self.refused: frozenset[Aor] = frozenset()
        """Whose changes it does not store."""
        self.stale: dict[Aor, bool] = {}
        """Whose deadlines are not known before they are fetched."""

    async def due(self, until: int, at_most: int) -> list[Aor]:
        """As in memory."""
        self.looks += 1
        if self.is_away:
            raise StoreError("store_unavailable", "away")
        return await super().due(until, at_most)

    def known(self, presentity: Aor):  # type: ignore[no-untyped-def]
        """Without the deadlines that another node has stored."""
        snapshot = super().known(presentity)
        return snapshot._replace(deadlines=()) if self.stale.get(presentity) else snapshot

    def fetch(self, presentities: Sequence[Aor], done: Fetched) -> None:
        """All is known then."""
        for presentity in presentities:
            self.stale.pop(presentity, None)
        super().fetch(presentities, done)

    def commit(self, wanted: Wanted, settle: Settle) -> None:
        """It may be refused."""
        if self.is_away or not self.refused.isdisjoint(one.presentity for one in wanted.changes):
            settle(Verdict.UNAVAILABLE, None, 0.0)
        else:
            super().commit(wanted, settle)


@virtually
async def test_each_feature_is_switched_off_at_its_own_time() -> None:
    """And nothing is looked at in between."""
    bench = Bench()
    expiring = bench.begin()
    bench.press(ALICE, Asked(DND, ON), Asked(CFA, forwarding(True, "1")))
    await asyncio.sleep(HOUR / 4 - 2)
    assert bench.is_on() == (True, True)
    await asyncio.sleep(4)
    assert bench.is_on() == (True, False)
    looks = bench.store.looks
    await asyncio.sleep(HOUR / 2)
    assert bench.is_on() == (True, False)
    await asyncio.sleep(HOUR / 4 + 2)
    assert bench.is_on() == (False, False)
    # For what was due, and whether more is.
    assert bench.store.looks - looks <= 2
    assert expiring.counts == {"switched_off": 2, "denied": 0, "failures": 0}
    await expiring.end()


@virtually
async def test_a_server_without_deadlines_sleeps() -> None:
    """An idle one is not woken."""
    bench = Bench()
    expiring = bench.begin()
    await asyncio.sleep(48 * HOUR)
    assert bench.store.looks == 1
    await expiring.end()


@virtually
async def test_a_key_that_is_pressed_again_begins_the_time_again() -> None:
    """The deadline moves while the server waits for it."""
    bench = Bench()
    expiring = bench.begin()
    bench.press(ALICE, Asked(DND, ON))
    await asyncio.sleep(HOUR - 60)
    bench.press(ALICE, Asked(DND, ON))
    await asyncio.sleep(HOUR - 60)
    assert bench.is_on() == (True, False)
    await asyncio.sleep(90)
    assert bench.is_on() == (False, False)
    await expiring.end()


@virtually
async def test_a_clock_that_is_set_over_a_deadline_is_noticed_in_seconds() -> None:
    """The same when the machine has slept. The store is not asked all the time for that."""
    bench = Bench()
    expiring = bench.begin()
    bench.press(ALICE, Asked(DND, ON))
    await asyncio.sleep(HOUR / 2)
    assert bench.store.looks <= 2
    bench.clock = HOUR
    await asyncio.sleep(LONGEST + 1)
    assert bench.is_on() == (False, False)
    await expiring.end()


@virtually
async def test_a_clock_that_is_set_back_puts_a_deadline_off() -> None:
    """It is over when the clock says so; what is over stays so."""
    bench = Bench()
    expiring = bench.begin()
    bench.press(ALICE, Asked(DND, ON), Asked(CFA, forwarding(True, "1")))
    await asyncio.sleep(HOUR / 4 + 1)
    assert bench.is_on() == (True, False)
    bench.clock = -HOUR
    await asyncio.sleep(HOUR)
    assert bench.is_on() == (True, False)
    await asyncio.sleep(HOUR)
    assert bench.is_on() == (False, False)
    assert expiring.counts["switched_off"] == 2
    await expiring.end()


@virtually
async def test_an_earlier_deadline_wakes_the_server() -> None:
    """Somebody else sets a feature for a shorter time."""
    bench = Bench()
    expiring = bench.begin()
    bench.press(ALICE, Asked(DND, ON))
    await asyncio.sleep(60)
    bench.press(BOB, Asked(CFA, forwarding(True, "1")))
    await asyncio.sleep(HOUR / 4 + 1)
    assert bench.is_on(BOB) == (False, False)
    assert bench.is_on() == (True, False)
    await expiring.end()


@virtually
async def test_what_has_passed_while_nobody_served_is_done_at_the_start_in_portions() -> None:
    """However much it is, others are served in between."""
    bench = Bench()
    users = [Aor(f"u{number}", "example.com") for number in range(3 * PORTION)]
    end = int(NOON.timestamp()) - 60
    after = NOTHING_STORED.replace(DND, ON)._replace(deadlines=(Deadline(DND, end, "old/rule"),))
    for user in users:
        await commit(bench.store, wanted(user, NOTHING_STORED, after))
    turns = 0

    async def others() -> None:
        nonlocal turns
        while any(bench.is_on(user)[0] for user in users):
            turns += 1
            await asyncio.sleep(BREATH / 4)

    expiring = bench.begin()
    await others()
    assert turns >= 3
    assert expiring.counts["switched_off"] == len(users)
    await expiring.end()


@virtually
async def test_what_rules_deny_stays_on_and_is_not_asked_for_again() -> None:
    """The rule has the last word."""
    bench = Bench(RULES + "- {id: no, when: {op: set, request.status: 0}, then: {deny: stays}}")
    expiring = bench.begin()
    bench.press(ALICE, Asked(DND, ON))
    await asyncio.sleep(3 * HOUR)
    assert bench.is_on() == (True, False)
    assert expiring.counts == {"switched_off": 0, "denied": 1, "failures": 0}
    await expiring.end()


@virtually
async def test_a_store_that_fails_is_asked_again() -> None:
    """At a pace, until it can."""
    bench = Bench()
    expiring = bench.begin()
    bench.press(ALICE, Asked(DND, ON))
    await asyncio.sleep(HOUR - 10)
    bench.store.is_away = True
    await asyncio.sleep(10 + 10 * AGAIN)
    assert bench.is_on() == (True, False)
    assert bench.store.looks < 30
    bench.store.is_away = False
    await asyncio.sleep(2 * AGAIN)
    assert bench.is_on() == (False, False)
    await expiring.end()


@virtually
async def test_those_who_cannot_be_switched_off_hold_up_nobody() -> None:
    """However many they are, and however long ago their time has come."""
    bench = Bench()
    users = [Aor(f"u{number}", "example.com") for number in range(2 * PORTION)]
    end = int(NOON.timestamp()) - 60
    after = NOTHING_STORED.replace(DND, ON)._replace(deadlines=(Deadline(DND, end, "old/rule"),))
    for user in users:
        await commit(bench.store, wanted(user, NOTHING_STORED, after))
    bench.store.refused = frozenset(users)
    expiring = bench.begin()
    bench.press(ALICE, Asked(DND, ON))
    await asyncio.sleep(HOUR + 2 * AGAIN)
    assert bench.is_on() == (False, False)
    bench.store.refused = frozenset()
    await asyncio.sleep(2 * AGAIN)
    assert not any(bench.is_on(user)[0] for user in users)
    await expiring.end()


@virtually
async def test_thousands_who_are_stuck_hold_up_nobody_and_are_counted() -> None:
    """A look goes past some of them, the next one past more; and each has its turn again."""
    bench = Bench()
    users = [Aor(f"u{number}", "example.com") for number in range(IN_VAIN * PORTION * 2)]
    end = int(NOON.timestamp()) - 60
    for number, user in enumerate([*users, ALICE]):
        deadline = Deadline(DND, end + (number == len(users)), "old/rule")
        after = NOTHING_STORED.replace(DND, ON)._replace(deadlines=(deadline,))
        await commit(bench.store, wanted(user, NOTHING_STORED, after))
    bench.store.refused = frozenset(users)
    expiring = bench.begin()
    await asyncio.sleep(4 * AGAIN)
    assert bench.is_on() == (False, False)
    assert (expiring.stuck, expiring.counts["switched_off"]) == (len(users), 1)
    bench.store.refused = frozenset(users[1:])
    await asyncio.sleep(12 * AGAIN)
    assert bench.is_on(users[0]) == (False, False)
    assert expiring.stuck == len(users) - 1
    bench.store.refused = frozenset()
    bench.press(users[5], Asked(DND, OFF))
    await asyncio.sleep(12 * AGAIN)
    assert not any(bench.is_on(user)[0] for user in users)
    assert expiring.stuck == 0
    await expiring.end()


@virtually
async def test_of_several_nodes_one_switches_off_also_what_others_have_stored() -> None:
    """It fetches what it does not know; another one goes on when it has ended."""
    bench = Bench()
    one, other = bench.begin(shared=True), Bench(store=bench.store)
    other.is_turn = False
    idle = other.begin(shared=True)
    end = int(NOON.timestamp()) + 600
    after = NOTHING_STORED.replace(DND, ON)._replace(deadlines=(Deadline(DND, end, "p/r"),))
    await commit(bench.store, wanted(ALICE, NOTHING_STORED, after))
    bench.store.stale[ALICE] = True
    await asyncio.sleep(600 + 2 * LOOK)
    assert bench.is_on() == (False, False)
    assert (one.counts["switched_off"], idle.counts["switched_off"]) == (1, 0)
    await one.end()
    bench.press(BOB, Asked(CFA, forwarding(True, "1")))
    await asyncio.sleep(HOUR / 4)
    other.is_turn = True
    await asyncio.sleep(2 * LOOK)
    assert bench.is_on(BOB) == (False, False)
    await idle.end()


@virtually
async def test_what_was_switched_off_by_hand_is_left_alone() -> None:
    """The deadline goes with the state."""
    bench = Bench()
    expiring = bench.begin()
    bench.press(ALICE, Asked(DND, ON))
    bench.press(ALICE, Asked(DND, OFF))
    await asyncio.sleep(2 * HOUR)
    assert expiring.counts["switched_off"] == 0
    assert await bench.store.next() is None
    await expiring.end()
