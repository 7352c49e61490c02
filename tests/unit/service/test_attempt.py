"""One request: what it is answered, and what it comes after."""

from dfks_rules.errors import StoreError
from dfks_rules.model.decisions import Repeated
from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.model.gets import Result
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Origin
from dfks_rules.service.attempt import Attempt, Fetching, Kind
from dfks_rules.service.cascade import Draft
from dfks_rules.service.feed import Event, Failed, Settled
from dfks_rules.service.ports import Visiting
from tests.helpers.playbook import Recorded
from tests.helpers.policy import ALICE, BOB, DND, NOON, ON, PHONE
from tests.helpers.stores import FULL
from tests.helpers.wanted import outcomes_between

AFTER = NOTHING_STORED.replace(DND, ON)


def attempt(told: list[Result], kind: Kind = Kind.SET, visit: Visiting | None = None) -> Attempt:
    """A request of Alice's phone, as it is made."""
    done = lambda result, _: told.append(result)  # noqa: E731
    return Attempt(kind, ALICE, (), PHONE, NOON, 0.0, done, visit)


def decided(*presentities: Aor) -> tuple[Attempt, list[Result]]:
    """One that switches a feature on for each of them, its first outcome with number 5."""
    told: list[Result] = []
    one = attempt(told)
    for presentity in presentities:
        draft = one.drafts[presentity] = Draft(NOTHING_STORED)
        for outcome in outcomes_between(presentity, NOTHING_STORED, AFTER, PHONE):
            draft.take(outcome)
    one.outcomes, one.first = tuple(one.drafts[ALICE].outcomes), 5
    return one, told


def test_the_answer_comes_first_and_then_an_event_for_each_presentity() -> None:
    """What followed for Bob was asked by nobody; numbers go on."""
    one, told = decided(ALICE, BOB)
    log = Recorded()
    log.feed.listen(lambda _event: told.append(()))
    one.tell(log.feed, 2.0)
    assert told == [one.outcomes, (), ()]
    assert [_about(event) for event in log.events] == [
        (ALICE, Origin.WATCHER, 5),
        (BOB, Origin.INTERNAL, 6),
    ]
    assert one.is_settled


def _about(event: Event) -> tuple[Aor, Origin, int]:
    assert isinstance(event, Settled)
    return event.presentity, event.requester.origin, event.first


def test_an_error_is_an_event_for_each_presentity_that_it_would_have_changed() -> None:
    """Nobody is told that anything holds."""
    one, told = decided(ALICE, BOB)
    one.error = FULL
    log = Recorded()
    one.tell(log.feed, 2.0)
    assert told == [FULL]
    failed = [event for event in log.events if isinstance(event, Failed)]
    assert [(event.presentity, event.requester.origin) for event in failed] == [
        (ALICE, Origin.WATCHER),
        (BOB, Origin.INTERNAL),
    ]


def test_an_error_before_anything_is_decided_is_an_event_about_who_was_asked_for() -> None:
    """The state could not even be read."""
    told: list[Result] = []
    one, log = attempt(told), Recorded()
    one.error = StoreError("store_unavailable", "disk is broken")
    one.tell(log.feed, 2.0)
    assert log.failures == [(ALICE, "store_unavailable")]


def test_a_repeat_asks_only_for_what_holds_and_stores_nothing() -> None:
    """Its sets and its row were stored when it came first."""
    told: list[Result] = []
    one = attempt(told, visit=lambda _outcomes: None)
    one.becomes_a_repeat()
    assert (one.kind, one.asked, one.visit) == (Kind.GET, (), None)
    one.tell(Recorded().feed, 0.0)
    assert told == [Repeated(())]


def test_it_comes_after_another_once() -> None:
    """Two of its presentities may concern the same request."""
    first, second = attempt([]), attempt([])
    second.wait_for(first)
    second.wait_for(first)
    assert (second.priors, first.waiting) == ([first], [second])


def test_what_changes_a_presentity_leads_what_follows_for_it() -> None:
    """A store that refuses it refuses what was decided on its result; else it need not."""
    one, _ = decided(ALICE)
    one.drafts[BOB] = Draft(NOTHING_STORED)
    assert one.leads(ALICE)
    assert not one.leads(BOB)
    get = attempt([], Kind.GET)
    assert get.leads(ALICE), "nothing can be wrong with it"
    get.is_firm = False
    assert not get.leads(ALICE)


def test_requests_are_decided_when_nothing_that_they_come_after_is_missing() -> None:
    """Neither an answer of the store nor a request that is not among them."""
    first, second, before = attempt([]), attempt([]), attempt([])
    fetching = Fetching([first, second])
    first.fetching = second.fetching = fetching
    second.wait_for(first)
    assert fetching.is_ready()
    fetching.fetches = 1
    assert not fetching.is_ready()
    fetching.fetches = 0
    first.is_asked = True
    assert not fetching.is_ready()
    first.is_asked = False
    first.wait_for(before)
    assert not fetching.is_ready()
    before.is_settled = True
    assert fetching.is_ready()
