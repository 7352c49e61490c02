"""How many members of a group have a feature on: counted once, then moved by what changes."""

from random import Random

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.model.features import NOTHING_STORED, OFF
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked
from dfks_rules.policy.deciding.live import LivePolicies, SpotCheck
from dfks_rules.policy.deciding.policy_set import PolicySet, load
from dfks_rules.policy.reading.source import Source
from dfks_rules.service import counts
from dfks_rules.service.counts import GroupCounters
from dfks_rules.service.features import Features
from dfks_rules.service.feed import Failed, Feed
from dfks_rules.service.ports import NotKnownError
from tests.helpers.policy import ALICE, CFA, DND, NOON, ON, PHONE, source
from tests.helpers.stores import SlowStore

ANNA, BEN, EVE = (Aor(name, "a.example") for name in ("anna", "ben", "eve"))
STORED = NOTHING_STORED.replace(DND, ON)
RULE = "- {id: r, when: {op: set, group.desk.DoNotDisturb.off: 0}, then: {log: x}}"


def with_members(*users: Aor, group: str = "desk") -> PolicySet:
    """Policies whose directory has these members of a group."""
    lines = "".join(f"{one.user},{one.domain},{group}\n" for one in users)
    return load([source(RULE), Source("users.csv", f"user,domain,groups\n{lines}")])


def counting(
    store: SlowStore, policies: PolicySet | LivePolicies, feed: Feed
) -> tuple[GroupCounters, dict[str, int]]:
    """Counters of a store, and what they count of themselves."""
    told: dict[str, int] = {}
    return GroupCounters(store, policies, feed, told), told


def test_members_are_counted_when_somebody_asks() -> None:
    """Off are all the others: who never set a feature has it off."""
    store = SlowStore()
    store.kept[ANNA] = STORED
    counters, _ = counting(store, with_members(ANNA, BEN, EVE), Feed())
    assert counters.of("a.example", "desk", DND) == (2, 1)
    assert counters.of("a.example", "desk", CFA) == (3, 0)
    assert counters.of("a.example", "none", DND) is None
    assert counters.of("b.example", "desk", DND) is None


def test_what_is_settled_moves_the_count_and_nothing_else_does() -> None:
    """A set that is under way may come to nothing."""
    store, feed, policies = SlowStore(), Feed(), with_members(ANNA, BEN)
    counters, _ = counting(store, policies, feed)
    features = Features(store, policies, feed)
    seen = [counters.of("a.example", "desk", DND)]
    for presentity, state in ((ANNA, ON), (EVE, ON), (ANNA, ON), (ANNA, OFF)):
        features.set(presentity, [Asked(DND, state)], PHONE, NOON, 0.0, lambda *_: None)
        seen.append(counters.of("a.example", "desk", DND))
        store.settle_all()
        seen.append(counters.of("a.example", "desk", DND))
    of_anna, of_eve, again, off = ([(2, 0), (1, 1)], [(1, 1)] * 2, [(1, 1)] * 2, [(1, 1), (2, 0)])
    assert seen == [(2, 0), *of_anna, *of_eve, *again, *off]


def test_what_others_have_stored_moves_the_count() -> None:
    """A node hears of it, and its store has learned it."""
    store = SlowStore()
    counters, _ = counting(store, with_members(ANNA, BEN), Feed())
    assert counters.of("a.example", "desk", DND) == (2, 0)
    store.kept[ANNA] = STORED
    assert counters.of("a.example", "desk", DND) == (2, 0)
    counters.changed(ANNA)
    counters.changed(Aor("anna", "b.example"))
    assert counters.of("a.example", "desk", DND) == (1, 1)


def asked(counters: GroupCounters) -> list[StoreError | None]:
    """Ask how many have do not disturb on, which cannot be said yet; what comes of waiting."""
    came: list[StoreError | None] = []
    with pytest.raises(NotKnownError) as missing:
        counters.of("a.example", "desk", DND)
    counters.fetch(missing.value.presentities, lambda error, _now: came.append(error))
    return came


def test_members_of_whom_nothing_is_known_are_fetched_first() -> None:
    """All of them, whoever is named."""
    store = SlowStore()
    store.kept |= {ANNA: STORED, BEN: STORED}
    store.unknown = {ANNA, BEN}
    counters, _ = counting(store, with_members(ANNA, BEN, EVE), Feed())
    assert asked(counters) == [None]
    assert counters.of("a.example", "desk", DND) == (1, 2)


def test_many_members_are_read_in_batches_and_all_who_ask_wait_for_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else each of a hundred phones would have a hundred thousand rows read."""
    monkeypatch.setattr(counts, "AT_ONCE", 2)
    monkeypatch.setattr(counts, "BATCH", 2)
    store = SlowStore()
    store.is_fetched_at_once = False
    users = [Aor(f"u{number}", "a.example") for number in range(5)]
    store.kept |= {users[0]: STORED, users[4]: STORED}
    counters, _ = counting(store, with_members(*users), Feed())
    came, also = asked(counters), asked(counters)
    batches = []
    while store.fetches:
        batches.append([*store.fetches[0][0]])
        assert (len(store.fetches), came, also) == (1, [], [])
        store.kept[users[2]] = STORED
        counters.changed(users[2])
        store.answer_fetch()
    assert batches == [users[:2], users[2:4], users[4:]]
    assert (came, also) == ([None], [None])
    assert counters.of("a.example", "desk", DND) == (2, 3)


def test_who_asks_for_others_besides_waits_for_both() -> None:
    """A request can have read a member, and somebody else."""
    store, came = SlowStore(), []
    store.is_fetched_at_once = False
    store.unknown = {ANNA, ALICE}
    counters, _ = counting(store, with_members(ANNA, BEN), Feed())
    with pytest.raises(NotKnownError):
        counters.of("a.example", "desk", DND)
    counters.fetch((ANNA, ALICE), lambda error, _now: came.append(error))
    store.answer_fetch()
    assert (came, store.fetches[0][0]) == ([], (ALICE,))
    store.answer_fetch()
    assert came == [None]


@pytest.mark.parametrize("is_broken", [True, False])
def test_whoever_waits_hears_that_members_cannot_be_read(is_broken: bool) -> None:
    """And is not kept waiting where a store says that it can, and then cannot."""
    store = SlowStore()
    store.kept[ANNA] = STORED
    store.unknown = {ANNA, BEN}
    counters, _ = counting(store, with_members(ANNA, BEN), Feed())
    if is_broken:
        store.is_broken = True
    else:
        store.known = lambda _aor: None  # type: ignore[method-assign,assignment]
    (error,) = asked(counters)
    assert error is not None
    if not is_broken:
        del store.__dict__["known"]
    store.is_broken, store.unknown = False, {ANNA}
    assert asked(counters) == [None]
    assert counters.of("a.example", "desk", DND) == (1, 1)


def test_a_group_that_changes_while_it_is_counted_is_counted_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever waited asks once more."""
    monkeypatch.setattr(counts, "MAX_LEFT", 0)
    store = SlowStore()
    store.is_fetched_at_once = False
    store.unknown = {ANNA, BEN}
    live = LivePolicies(with_members(ANNA, BEN), SpotCheck(lambda _: None))
    counters, _ = counting(store, live, Feed())
    came = asked(counters)
    live.activate(with_members(EVE))
    assert counters.of("a.example", "desk", DND) == (1, 0)
    store.answer_fetch()
    assert came == [None]
    assert counters.of("a.example", "desk", DND) == (1, 0)


def test_groups_that_have_no_room_beside_each_other_are_both_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """None is forgotten while it is read: else each would be read anew for ever."""
    monkeypatch.setattr(counts, "MAX_MEMBERS", 3)
    store = SlowStore()
    store.is_fetched_at_once = False
    store.unknown = {ANNA, BEN}
    lines = "anna,a.example,desk\nben,a.example,desk\nx,a.example,other\ny,a.example,other\n"
    policies = load([source(RULE), Source("users.csv", f"user,domain,groups\n{lines}")])
    counters, told = counting(store, policies, Feed())
    came = asked(counters)
    assert counters.of("a.example", "other", DND) == (2, 0)
    store.answer_fetch()
    assert (came, counters.of("a.example", "desk", DND)) == ([None], (2, 0))
    assert told["groups_forgotten"] == 0


def test_what_may_be_stored_or_not_is_read_again() -> None:
    """After a commit whose outcome is unknown."""
    store, feed = SlowStore(), Feed()
    store.kept[ANNA] = STORED
    counters, _ = counting(store, with_members(ANNA, BEN), feed)
    assert counters.of("a.example", "desk", DND) == (1, 1)
    store.unknown = {ANNA}
    feed.publish(Failed(ANNA, StoreError("store_unavailable", "cut"), PHONE, 0.0))
    with pytest.raises(NotKnownError):
        counters.of("a.example", "desk", DND)
    store.unknown = set()
    store.kept[ANNA] = NOTHING_STORED
    assert counters.of("a.example", "desk", DND) == (2, 0)


def test_another_directory_is_counted_anew() -> None:
    """Whoever joins counts, and whoever leaves does not."""
    store = SlowStore()
    store.kept[ANNA] = STORED
    live = LivePolicies(with_members(ANNA, BEN), SpotCheck(lambda _: None))
    counters, _ = counting(store, live, Feed())
    assert counters.of("a.example", "desk", DND) == (1, 1)
    live.activate(with_members(BEN, EVE))
    assert counters.of("a.example", "desk", DND) == (2, 0)
    live.activate(with_members(BEN, group="other"))
    assert counters.of("a.example", "desk", DND) is None


def test_who_stays_in_a_group_is_not_read_again() -> None:
    """Else each change of a file would have all members read, while phones wait."""
    store, feed = SlowStore(), Feed()
    store.kept[ANNA] = STORED
    live = LivePolicies(with_members(ANNA, BEN), SpotCheck(lambda _: None))
    counters, _ = counting(store, live, feed)
    assert counters.of("a.example", "desk", DND) == (1, 1)
    store.unknown = {ANNA}
    live.activate(with_members(ANNA, EVE))
    assert counters.of("a.example", "desk", DND) == (1, 1)
    store.unknown, store.kept[ANNA] = set(), NOTHING_STORED
    counters.changed(ANNA)
    assert counters.of("a.example", "desk", DND) == (2, 0)


@pytest.mark.parametrize("seed", range(8))
def test_whoever_joins_and_leaves_is_found_however_many_stay(seed: int) -> None:
    """Directories are compared in pieces; the reference takes sets."""
    random = Random(seed)
    users = [Aor(f"u{n:05}", "a.example") for n in range(random.choice((5, 100, 700)))]
    store, feed = SlowStore(), Feed()
    for user in users:
        store.kept[user] = STORED
    some = [one for one in users if random.random() < 0.9]
    live = LivePolicies(with_members(*some), SpotCheck(lambda _: None))
    counters, _ = counting(store, live, feed)
    counted(counters)
    for _ in range(4):
        share = random.choice((0.0, 0.001, 0.1, 1.0))
        some = [one for one in users if (random.random() < share) != (one in set(some))] or [ANNA]
        live.activate(with_members(*some))
        on = sum(one in store.kept for one in some)
        assert counted(counters) == (len(some) - on, on)


def counted(counters: GroupCounters) -> tuple[int, int] | None:
    """As whoever waits for what is not known."""
    try:
        return counters.of("a.example", "desk", DND)
    except NotKnownError as error:
        counters.fetch(error.presentities, lambda *_: None)
    return counters.of("a.example", "desk", DND)


def test_the_group_that_nobody_asked_about_for_longest_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is counted again when somebody asks; and a counter tells how often that was."""
    monkeypatch.setattr(counts, "MAX_MEMBERS", 3)
    lines = "".join(f"u{n},a.example,g{n // 2}\n" for n in range(6))
    policies = load([source(RULE), Source("users.csv", f"user,domain,groups\n{lines}")])
    counters, told = counting(SlowStore(), policies, Feed())
    for group in ("g0", "g1", "g1", "g0"):
        assert counters.of("a.example", group, DND) == (2, 0)
    assert told["groups_forgotten"] == 2
