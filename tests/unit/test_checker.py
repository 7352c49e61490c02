"""Each rule of the checker, broken by hand."""

from collections.abc import Sequence
from itertools import permutations

import pytest

from tests.helpers.checker import Rule, check
from tests.helpers.history import (
    Answered,
    Asked,
    Began,
    Ended,
    Event,
    Gone,
    Granted,
    Held,
    Lapsed,
    Over,
    Owned,
    Quiet,
    Served,
    Stored,
    Told,
)

CFA, DND = "CallForwardingAlways", "DoNotDisturb"
BOSS, SECRETARY = "boss", "secretary"


def stored(revision: int, state: str, at: float | None = None, **changes: object) -> Stored:
    """A row of the journal: the boss forwards all calls."""
    row = Stored(float(revision) if at is None else at, revision, BOSS, revision, CFA, state)
    return row._replace(**changes)  # type: ignore[arg-type] # of any field


def told(cseq: int, state: str, at: float, **changes: object) -> Told:
    """The boss's phone is told where all calls go."""
    return Told(at, "d1", BOSS, cseq, {CFA: state}, state)._replace(**changes)  # type: ignore[arg-type] # of any field


GOOD: tuple[Event, ...] = (
    Granted(0.1, "d1", BOSS, 600.0),
    told(1, "off", 0.2),
    Asked(0.5, "r1", BOSS, {CFA: "on 1"}),
    stored(1, "on 1"),
    Answered(1.5, "r1", 200),
    told(2, "on 1", 1.6),
    told(2, "on 1", 1.7),
    Asked(1.8, "r2", BOSS, {CFA: "on 2"}),
    stored(2, "on 2"),
    Answered(2.5, "r2", 503),
    Asked(2.6, "r3", BOSS, {CFA: "on 3"}),
    told(3, "on 2", 3.0),
    Quiet(4.0),
    Held(BOSS, 2, {CFA: "on 2", DND: "off"}),
    Over(20.0),
)
"""One phone, three sets: one answered, one refused but stored, one lost."""


def rules(history: Sequence[Event]) -> set[Rule]:
    """The rules that are broken."""
    return {one.rule for one in check(history)}


def without(*events: Event) -> list[Event]:
    """The good history without some of its events."""
    assert all(event in GOOD for event in events)
    return [event for event in GOOD if event not in events]


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    """The order in which the events are given does not count."""
    assert check(GOOD) == []
    assert check(GOOD[::-1]) == []


def test_a_revision_that_is_missing_is_found() -> None:
    """A row of the journal was lost."""
    assert Rule.REVISIONS in rules([*GOOD, stored(4, "on 4", 3.9)])


def test_a_revision_that_occurs_twice_is_found() -> None:
    """Two writers stored on the same state."""
    assert Rule.REVISIONS in rules([*GOOD, stored(2, "on 4", 3.9, seq=3)])


def test_revisions_that_go_back_in_the_journal_are_found() -> None:
    """The journal is in the order of the commits."""
    swapped = without(stored(1, "on 1"), stored(2, "on 2"))
    swapped += [stored(1, "on 1", seq=2), stored(2, "on 2", seq=1)]
    assert Rule.REVISIONS in rules(swapped)


def test_two_features_may_change_in_one_revision() -> None:
    """One request sets both."""
    both: list[Event] = [
        stored(2, "on", seq=3, feature=DND),
        told(4, "on", 3.1, states={DND: "on"}),
    ]
    history = [*without(Held(BOSS, 2, {CFA: "on 2", DND: "off"})), *both]
    assert check([*history, Held(BOSS, 2, {CFA: "on 2", DND: "on"})]) == []


def test_a_state_that_does_not_follow_the_one_before_is_found() -> None:
    """Where a row says what was before, that was stored before."""
    broken = without(stored(2, "on 2"))
    assert check([*broken, stored(2, "on 2", before="on 1")]) == []
    assert rules([*broken, stored(2, "on 2", before="on 9")]) == {Rule.REVISIONS}


def test_an_answered_set_that_is_not_stored_is_found() -> None:
    """The promise of a 200."""
    lost: list[Event] = [Asked(3.1, "r4", BOSS, {CFA: "on 4"}), Answered(3.2, "r4", 200)]
    assert rules([*GOOD, *lost]) == {Rule.ANSWERED_ONCE}


def test_an_answered_set_that_is_stored_twice_is_found() -> None:
    """As when a repeat that comes after a restart is taken for another set."""
    again: list[Event] = [
        stored(3, "on 1", 3.5),
        told(4, "on 1", 3.6),
        Held(BOSS, 3, {CFA: "on 1"}),
    ]
    history = [*without(Held(BOSS, 2, {CFA: "on 2", DND: "off"})), *again]
    assert rules(history) == {Rule.AT_MOST_ONCE}


def test_a_set_without_an_answer_that_is_stored_twice_is_found() -> None:
    """Nobody knows whether it is stored; but not twice."""
    again: list[Event] = [stored(3, "on 3", 3.1), stored(4, "on 9", 3.2), stored(5, "on 3", 3.5)]
    assert Rule.AT_MOST_ONCE in rules([*GOOD, *again])


def dnd(*ats: float) -> list[Event]:
    """Do not disturb goes on and off in turns, at these times."""
    states = ("on", "off")
    return [stored(3 + n, states[n % 2], at, feature=DND) for n, at in enumerate(ats)]


def test_a_state_that_several_ask_for_held_while_each_was_answered() -> None:
    """A set that changes nothing must not be confirmed from what is no longer stored."""
    asked: list[Event] = [
        Asked(4.0, "r4", BOSS, {DND: "on"}),
        Answered(6.0, "r4", 200),
        Asked(7.0, "r5", BOSS, {DND: "on"}),
        Answered(7.5, "r5", 200),
    ]
    history = without(Quiet(4.0), Over(20.0), Held(BOSS, 2, {CFA: "on 2", DND: "off"}))
    assert check([*history, *dnd(5.0), *asked]) == []
    assert check([*history, *dnd(5.0, 7.2), *asked]) == []
    assert rules([*history, *dnd(5.0, 6.9), *asked]) == {Rule.ANSWERED_ONCE}
    assert check([*history, *dnd(5.0, 6.9), *asked], slack=0.2) == []


def test_what_holds_before_anybody_asks_need_not_be_stored() -> None:
    """Whoever switches off what was never on changes nothing."""
    asked: list[Event] = [Asked(3.1, "r4", BOSS, {DND: "off"}), Answered(3.2, "r4", 200)]
    assert check([*GOOD, *asked]) == []


def test_a_set_that_began_after_another_ended_but_came_before_it_is_found() -> None:
    """Those that overlap may be stored in any order."""
    early: list[Event] = [Asked(3.1, "r4", BOSS, {CFA: "on 4"}), Answered(3.2, "r4", 200)]
    late: list[Event] = [Asked(3.3, "r5", BOSS, {CFA: "on 5"}), Answered(3.4, "r5", 200)]
    rows: list[Event] = [stored(3, "on 5", 3.15), stored(4, "on 4", 3.35)]
    assert Rule.ORDER in rules([*GOOD, *early, *late, *rows])
    at_once: list[Event] = [Asked(3.1, "r5", BOSS, {CFA: "on 5"}), Answered(3.4, "r5", 200)]
    assert Rule.ORDER not in rules([*GOOD, *early, *at_once, *rows])


@pytest.mark.parametrize(
    "held",
    [
        Held(BOSS, 1, {CFA: "on 2"}),
        Held(BOSS, 2, {CFA: "on 1"}),
        Held(BOSS, 2, {CFA: "on 2", DND: "on"}),
        Held(SECRETARY, 1, {}),
    ],
    ids=str,
)
def test_what_is_held_and_not_in_the_journal_is_found(held: Held) -> None:
    """And the other way round: journal and states are stored together."""
    assert rules([*without(Held(BOSS, 2, {CFA: "on 2", DND: "off"})), held]) == {Rule.HELD}


def mirrored(*rows: tuple[str, str]) -> set[Rule]:
    """What is found where the users of a pair get these states, one after the other."""
    revisions = {BOSS: 0, SECRETARY: 0}
    history = []
    for seq, (who, state) in enumerate(rows, 1):
        revisions[who] += 1
        history.append(Stored(float(seq), seq, who, revisions[who], CFA, state))
    return {one.rule for one in check(history, mirrors=[(BOSS, SECRETARY)])}


def test_users_of_a_pair_that_are_not_equal_are_found() -> None:
    """Whoever was set first, the other one follows in the same commit."""
    good = [(BOSS, "on 1"), (SECRETARY, "on 1"), (SECRETARY, "on 2"), (BOSS, "on 2")]
    assert mirrored(*good) == set()
    assert mirrored(*good, (BOSS, "on 3")) == {Rule.MIRRORED}
    assert mirrored(*good, (BOSS, "on 3"), (SECRETARY, "on 4")) == {Rule.MIRRORED}
    assert mirrored(*good, (BOSS, "on 3"), (BOSS, "on 3")) == {Rule.MIRRORED}
    between = [(BOSS, "on 3"), (SECRETARY, "on 4"), (SECRETARY, "on 3"), (BOSS, "on 4")]
    assert mirrored(*good, *between) == {Rule.MIRRORED}


def test_a_cseq_that_says_two_things_is_found() -> None:
    """As when a restart begins to count anew."""
    assert rules([*GOOD, told(1, "on 2", 3.5)]) >= {Rule.CSEQ}
    assert check([*GOOD, told(1, "on 2", 3.5, dialog="d2")]) == []


def test_an_older_state_under_a_higher_cseq_is_found() -> None:
    """The phone would show it for good."""
    assert rules([*GOOD, told(4, "on 1", 3.5), told(5, "on 2", 3.6)]) == {Rule.BACKWARDS}


def test_a_notify_that_comes_late_is_no_step_backwards() -> None:
    """Its CSeq is lower, so that the phone refuses it."""
    late = told(2, "on 1", 3.5, taken=False)
    assert check([*GOOD, late]) == []


def test_a_state_that_comes_back_is_no_step_backwards() -> None:
    """On, off, on: each is newer than the one before."""
    history = without(Held(BOSS, 2, {CFA: "on 2", DND: "off"}))
    on_off = [
        told(4 + n, ("off", "on")[n % 2], 8.0, states={DND: ("off", "on")[n % 2]}) for n in range(3)
    ]
    assert check([*history, *dnd(7.0, 7.5), *on_off]) == []


@pytest.mark.parametrize("state", ["on 3", "on 99"])
def test_a_state_that_was_never_stored_is_found(state: str) -> None:
    """As when a set is told before it is durable, and a crash loses it."""
    assert Rule.UNKNOWN_STATE in rules([*GOOD, told(4, state, 3.5), told(5, "on 2", 3.6)])


def test_a_state_that_is_told_before_it_is_stored_is_found() -> None:
    """A crash could take it back."""
    assert Rule.UNKNOWN_STATE in rules([*without(told(3, "on 2", 3.0)), told(3, "on 2", 1.9)])


def test_a_481_for_a_subscription_that_lives_is_found() -> None:
    """The phone would have to begin anew."""
    assert rules([*GOOD, Gone(3.9, "d1", 3.8)]) == {Rule.GONE}


@pytest.mark.parametrize(
    "events",
    [
        [Gone(601.0, "d1", 600.0)],
        [Ended(3.0, "d1", "timeout"), Gone(3.9, "d1", 3.8)],
        [Gone(3.9, "d2", 3.8)],
    ],
    ids=["expired", "ended", "never granted"],
)
def test_a_481_for_a_subscription_that_does_not_live_is_right(events: list[Event]) -> None:
    """And so is one in a dialog that the phone was never told is there."""
    assert check([*GOOD, *events]) == []


def test_a_watcher_that_is_not_told_is_found() -> None:
    """Also one that was told once, but not the newest state; or too late; or refused it."""
    last = told(3, "on 2", 3.0)
    assert rules(without(last)) == {Rule.UNTOLD}
    assert rules([*without(last), last._replace(at=9.5)]) == {Rule.UNTOLD}
    assert rules([*without(last), last._replace(taken=False)]) == {Rule.UNTOLD}
    assert rules([*GOOD, Granted(3.0, "d2", BOSS, 600.0)]) == {Rule.UNTOLD}


@pytest.mark.parametrize(
    "event",
    [
        Ended(3.5, "d1", "unsubscribed"),
        Granted(0.1, "d1", BOSS, 19.0),
    ],
    ids=["ended", "expired"],
)
def test_nobody_is_owed_to_whom_nothing_is_promised(event: Event) -> None:
    """What has ended or expired is told nothing."""
    granted, last = Granted(0.1, "d1", BOSS, 600.0), told(3, "on 2", 3.0)
    kept = [one for one in without(last) if one != granted or isinstance(event, Ended)]
    assert check([*kept, event]) == []


def test_a_watcher_that_comes_after_the_last_fault_has_its_own_bound() -> None:
    """A phone that was told 481 begins anew then."""
    late = Granted(12.0, "d2", BOSS, 600.0)
    in_time = told(1, "on 2", 16.0, dialog="d2")
    assert check([*GOOD, late, in_time]) == []
    assert rules([*GOOD, late, in_time._replace(at=17.5)]) == {Rule.UNTOLD}
    assert check([*GOOD, late._replace(at=15.5)]) == []


def test_a_dialog_that_two_nodes_have_under_one_term_is_found() -> None:
    """Both would count from the same CSeq."""
    one = Began(3.1, "d1", 1)
    assert check([*GOOD, one, one._replace(term=2)]) == []
    assert rules([*GOOD, one, one._replace(at=3.2)]) == {Rule.OWNER}


def test_who_had_a_dialog_may_be_ahead_of_who_has_it_but_not_of_what_was_stored() -> None:
    """Until it hears of that; whoever has it now knows what was stored when it began to."""
    ahead = told(4, "on 2", 2.3, taken=False)
    behind = told((1 << 11) + 1, "on 1", 2.35)
    newest = told((1 << 11) + 2, "on 2", 3.6)
    history = [*without(GOOD[11]), ahead, behind, newest]
    assert rules(history) == {Rule.BACKWARDS}
    assert check([*history, Began(1.9, "d1", 1)]) == []
    assert rules([*history, Began(2.2, "d1", 1)]) == {Rule.BACKWARDS}


def test_a_node_that_has_just_taken_a_dialog_over_may_be_behind_where_nobody_saw_it_begin() -> None:
    """Of several nodes each reads the feed by itself; seconds later it has."""
    behind, newest = told((1 << 11) + 1, "on 1", 3.1), told((1 << 11) + 2, "on 2", 3.2)
    history = [*GOOD, behind, newest]
    assert rules(history) == {Rule.BACKWARDS}
    assert check(history, several=True) == []
    late = [*GOOD, behind._replace(at=16.0), newest._replace(at=16.1)]
    assert Rule.BACKWARDS in {one.rule for one in check(late, several=True)}
    again = [*history, told((1 << 11) + 3, "on 1", 3.3), told((1 << 11) + 4, "on 2", 3.4)]
    assert {one.rule for one in check(again, several=True)} == {Rule.BACKWARDS}


def test_times_of_the_journal_may_be_unknown() -> None:
    """What does not need them is checked all the same."""
    history = [one._replace(at=None) if isinstance(one, Stored) else one for one in GOOD]
    assert check(history) == []
    assert rules([*history, told(4, "on 1", 3.5)]) == {Rule.BACKWARDS, Rule.UNTOLD}


def test_the_order_of_the_events_does_not_count() -> None:
    """They are sorted by what they say."""
    some = [*without(told(3, "on 2", 3.0)), Gone(3.9, "d1", 3.8)][-5:]
    rest = [one for one in GOOD if one not in some and one != told(3, "on 2", 3.0)]
    found = {frozenset(rules([*order, *rest])) for order in permutations(some)}
    assert found == {frozenset({Rule.GONE, Rule.UNTOLD})}


def test_a_dialog_that_ends_up_where_an_earlier_subscribe_was_answered_is_found() -> None:
    """A node that heard late of a move has taken it from the one that served it last."""
    served: list[Event] = [Served(1.0, "t", 2, 1), Served(1.5, "t", 3, 2), Served(1.2, "t", 3, 3)]
    end = Over(100.0)
    cases: tuple[tuple[int, int, list[Event], bool], ...] = (
        (1, 3, [], True),
        (2, 3, [], False),
        (3, 3, [], False),  # A repeat came there.
        (1, 4, [], False),  # A later one has come, and was not answered.
        (1, 3, [Lapsed(50.0, 2)], False),
        (1, 3, [Lapsed(50.0, 9)], True),
        (1, 3, [Served(99.0, "t", 4, 2)], False),  # Nodes do not know of it yet.
    )
    for life, latest, rest, is_wrong in cases:
        found = check([*served, end, *rest, Owned("t", life, latest)])
        assert [one.rule for one in found] == [Rule.LAST] * is_wrong, (life, latest, rest)
