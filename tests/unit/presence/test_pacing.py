"""A change that many watch, told in portions."""

import pytest

from dfks_rules.model.features import Feature, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.presence import pacing as module
from dfks_rules.presence.documents import Documents
from dfks_rules.presence.pacing import PAUSE, PORTION, WINDOW, Change, Pacing
from dfks_rules.presence.subscription import Subscription, Termination
from dfks_rules.sip.client_transaction import ClientTransaction, Outgoing
from tests.helpers.playbook import FLOW
from tests.helpers.policy import ALICE, BOB, CFA, DND, NOON, ON
from tests.helpers.subscription import active

_OFF = FeatureState()
_MANY = 10 * PORTION
_MOMENT = 2.0
"""Instead of 10 s: there are fewer watchers, and the tests are faster."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOMENT", _MOMENT)


class _Told:
    """Pacing, and what it told to whom."""

    def __init__(self, watchers: int = _MANY) -> None:
        self.owed: dict[Subscription, float] = {}
        self.pacing = Pacing(self._tell, self._owe)
        self.watchers = [active(b"%d" % number) for number in range(watchers)]
        self.portions: list[list[Subscription]] = []
        self.said: dict[Subscription, list[Documents | None]] = {}

    def _tell(self, watchers: list[Subscription], change: Change, now: float) -> None:
        self.portions.append(watchers)
        for one in watchers:
            request = Outgoing(b"b", b"m", FLOW)
            one.sent((), ClientTransaction(request, one, now))
            self.said.setdefault(one, []).append(change.documents)

    def _owe(self, one: Subscription, now: float) -> None:
        self.owed.setdefault(one, now)

    def begin(self, documents: Documents | None, whose: Aor = ALICE, now: float = 0.0) -> None:
        self.pacing.begin(Change(whose, documents, NOON, self.watchers), now)

    def answer(self, one: Subscription, now: float = 0.0) -> None:
        one.confirmed()
        if not self.pacing.is_idle:
            self.pacing.answered(now)

    def answer_all(self, now: float = 0.0) -> None:
        """Answer until nobody is left to be told."""
        answered = 0
        while answered < sum(map(len, self.portions)):
            told = [one for portion in self.portions for one in portion]
            self.answer(told[answered], now)
            answered += 1


def test_the_first_portion_is_told_at_once_and_each_watcher_once() -> None:
    """20,000 in one go would keep everybody else waiting; the last one learns it all the same."""
    told = _Told()
    told.begin(((DND, ON),))
    assert [len(portion) for portion in told.portions] == [PORTION]
    told.answer_all()
    assert told.pacing.is_idle
    assert told.pacing.next_deadline() is None
    assert max(map(len, told.portions)) <= PORTION
    assert [one for portion in told.portions for one in portion] == told.watchers
    assert set(map(len, told.said.values())) == {1}


def test_no_more_answers_are_awaited_than_a_socket_buffer_holds() -> None:
    """A burst of NOTIFYs is answered by a burst of 200s."""
    told = _Told()
    told.begin(((DND, ON),))
    most = 0
    for answered, one in enumerate(told.watchers):
        most = max(most, len(told.said) - answered)
        told.answer(one)
    assert most == WINDOW


def test_phones_that_are_gone_hold_up_nobody() -> None:
    """Nobody answers: the time tells the next portion."""
    told = _Told(3 * PORTION)
    told.begin(((DND, ON),))
    assert told.pacing.next_deadline() == PAUSE
    told.pacing.expire(PAUSE - 0.001)
    assert len(told.portions) == 1
    told.pacing.expire(PAUSE)
    told.pacing.expire(2 * PAUSE)
    assert len(told.portions) == 3
    assert told.pacing.is_idle


def test_who_unsubscribed_meanwhile_is_skipped() -> None:
    """Nothing must be said in a dialog that has ended."""
    told = _Told()
    told.begin(((DND, ON),))
    gone = told.watchers[-1]
    gone.ended(Termination.TIMEOUT)
    told.answer_all()
    assert gone not in told.said
    assert len(told.said) == _MANY - 1


def test_a_later_change_is_merged_with_what_waits_and_told_to_all() -> None:
    """Who was told hears the later one; who waits hears both at once, and goes first."""
    told = _Told()
    told.begin(((DND, ON), (CFA, ON)))
    told.begin(((DND, _OFF),))
    told.answer_all()
    both = ((DND, _OFF), (CFA, ON))
    first, last = told.watchers[0], told.watchers[-1]
    assert told.said[first] == [((DND, ON), (CFA, ON)), both]
    assert told.said[last] == [both]
    assert told.portions[-1][-1] is told.watchers[PORTION - 1]


def test_changes_without_end_reach_everybody() -> None:
    """An operator who switches faster than phones are told must not starve the last ones."""
    told = _Told()
    told.begin(((DND, ON),))
    for turn in range(2 * _MANY // PORTION):
        told.begin(((DND, ON if turn % 2 else _OFF),))
        told.pacing.expire((turn + 1) * PAUSE)
    assert set(told.said) == set(told.watchers)


def test_states_that_are_told_to_nobody_take_the_place_of_what_waits() -> None:
    """A watcher that asked meanwhile knows the newest: it must not hear what was before."""
    change = Change(ALICE, ((DND, ON), (CFA, ON)), NOON)
    change.overtaken({DND: _OFF, Feature.CALL_FORWARDING_BUSY: ON})
    assert change.documents == ((DND, _OFF), (CFA, ON))
    everything = Change(ALICE, None, NOON)
    everything.overtaken({DND: _OFF})
    assert everything.documents is None


def test_everything_includes_each_change() -> None:
    """An operator has all features told again while one is being told, or before one."""
    for documents in ((((DND, ON),), None), (None, ((DND, ON),))):
        told = _Told()
        for one in documents:
            told.begin(one)
        told.answer_all()
        assert told.said[told.watchers[-1]] == [None]


def test_two_presentities_take_turns() -> None:
    """A company's switchboard does not wait for another's."""
    told = _Told()
    told.begin(((DND, ON),), ALICE)
    told.begin(((CFA, ON),), BOB)
    assert len(told.portions) == 1
    told.pacing.expire(PAUSE)
    told.pacing.expire(2 * PAUSE)
    first = told.watchers[0]
    assert told.said[first] == [((DND, ON),), ((CFA, ON),)]
    assert [portion[0] for portion in told.portions] == [first, told.watchers[PORTION], first]


def test_those_who_wait_longer_than_a_moment_are_owed_it() -> None:
    """Nobody answers, and the server may be killed before their turn comes."""
    watchers = int(2 * _MOMENT / PAUSE) * PORTION
    told = _Told(watchers)
    told.begin(((DND, ON),))
    now = 0.0
    while not told.pacing.is_idle:
        now = told.pacing.next_deadline() or 0.0
        told.pacing.expire(now)
        if now < _MOMENT:
            assert not told.owed
    assert told.watchers[-1] in told.owed
    assert max(told.owed.values()) < 1.5 * _MOMENT
    assert not told.owed.keys() & set(told.portions[int(_MOMENT / PAUSE) - 1])


def test_who_waits_for_a_later_change_that_is_merged_is_owed_it_too() -> None:
    """It was told the first one, and waits again, behind all others."""
    told = _Told(int(2 * _MOMENT / PAUSE) * PORTION)
    told.begin(((DND, ON),))
    later = 1.5 * _MOMENT
    one = told.watchers[int(0.8 * _MOMENT / PAUSE) * PORTION]
    now = 0.0
    while not told.pacing.is_idle:
        if now < later <= (told.pacing.next_deadline() or 0.0):
            assert one in told.said
            assert one not in told.owed
            told.begin(((DND, _OFF),), now=later)
        now = told.pacing.next_deadline() or 0.0
        told.pacing.expire(now)
    assert later + _MOMENT <= told.owed[one] < later + 1.5 * _MOMENT


def test_who_waits_for_one_of_many_changes_is_owed_it_in_time() -> None:
    """Each has its turn a minute after the one before."""
    told = _Told(PORTION)
    presentities = [Aor(f"u{number}", "example.com") for number in range(200)]
    watchers = [active(b"w%d" % number) for number in range(len(presentities))]
    for one, watcher in zip(presentities, watchers, strict=True):
        watcher.presentity = one
        told.pacing.begin(Change(one, ((DND, ON),), NOON, [*told.watchers, watcher]), 0.0)
    now = 0.0
    while now < 2 * _MOMENT:
        now = told.pacing.next_deadline() or 0.0
        told.pacing.expire(now)
    untold = [one for one in watchers if one not in told.said]
    assert len(untold) > len(watchers) // 2
    assert set(untold) <= told.owed.keys()
