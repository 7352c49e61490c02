"""How often what is decided, and how soon it is answered."""

from dfks_rules.errors import StoreError
from dfks_rules.model.decisions import Outcome
from dfks_rules.model.features import FEATURES, NOTHING_STORED, OFF, Feature
from dfks_rules.model.requests import FeatureRequest, Operation, Requester, Surroundings
from dfks_rules.service.decided import MAX_DENIALS, OTHER, Decided, Row
from dfks_rules.service.feed import Failed, Settled
from tests.helpers.playbook import DND_ON, Playbook, default_policies, message
from tests.helpers.policy import ALICE, DND, NOON, PHONE, decide, get, policies, set_
from tests.helpers.stores import SlowStore

_DENIES = '- {id: never, when: {op: set}, then: {deny: {reason: "%s"}}}'


def _outcome(request: FeatureRequest, rules: str = "[]") -> Outcome:
    around = Surroundings(lambda _: NOTHING_STORED)
    decision = decide(rules, request)
    return Outcome(request, decision, OFF, OFF, None, NOTHING_STORED, NOON, around)


def _settled(*outcomes: Outcome, first: int = 1, now: float = 0.0, waited: float = 0.0) -> Settled:
    return Settled(ALICE, outcomes, first, outcomes[0].request.requester, NOON, now, waited)


def test_decisions_are_told_apart_by_operation_feature_and_effect() -> None:
    """Of a get there are as many as features."""
    decided = Decided()
    decided.hear(_settled(*[_outcome(get(feature)) for feature in FEATURES]))
    decided.hear(_settled(_outcome(set_(), _DENIES % "no"), _outcome(set_())))
    decided.admitted()
    gets = [Row(Operation.GET, feature, 1, 0) for feature in FEATURES]
    assert decided.rows == [
        *gets,
        Row(Operation.SET, DND, 1, 1),
        Row(Operation.SUBSCRIBE, None, 1, 0),
    ]


def test_denials_are_counted_by_rule_and_reason() -> None:
    """With the last decision of each: the operator asks why."""
    decided = Decided()
    decided.hear(_settled(_outcome(set_()), _outcome(set_(), _DENIES % "no"), first=7))
    ((pair, denied),) = decided.denials.items()
    assert pair == ("p/never", "no")
    assert (denied.count, denied.last) == (1, 8)


def test_reasons_without_end_do_not_fill_the_memory() -> None:
    """From some number on they are all one."""
    decided, never = Decided(), _outcome(set_(), _DENIES % "no")
    denial = never.decision.denial
    assert denial is not None
    for number in range(MAX_DENIALS + 10):
        reason = denial._replace(reason=f"reason-{number}")
        outcome = never._replace(decision=never.decision._replace(denial=reason))
        decided.hear(_settled(outcome))
        decided.hear(_settled(outcome))
    assert len(decided.denials) == MAX_DENIALS + 1
    assert decided.denials[OTHER].count == 20
    assert sum(one.count for one in decided.denials.values()) == 2 * (MAX_DENIALS + 10)


def test_failure_of_the_store_decides_nothing() -> None:
    """It is counted where it happens."""
    decided = Decided()
    decided.hear(Failed(ALICE, StoreError("store_unavailable", "full"), PHONE, 0.0))
    assert decided.rows == []


def test_set_takes_until_it_is_stored() -> None:
    """The phone waits for the disk."""
    decided = Decided()
    decided.hear(_settled(_outcome(set_()), waited=0.02, now=5.0))
    decided.answered(5.0, 9.0)
    assert sum(decided.sets.counts) == 1
    assert decided.sets.total == 0.02


def test_what_waits_for_nothing_takes_as_long_as_its_message() -> None:
    """Rooms are told the time when they begin, so only whoever called them knows."""
    decided = Decided()
    decided.hear(_settled(_outcome(get()), first=42, now=5.0))
    decided.answered(5.0, 5.004)
    decided.answered(5.0, 5.005)  # Nothing was decided in the meantime.
    assert round(decided.gets.total, 6) == 0.004
    ((_, (number, _)),) = decided.gets.examples.items()
    assert number == 42


def test_request_of_another_moment_is_not_what_was_answered() -> None:
    """An operator has asked, then a message came that decided nothing."""
    decided = Decided()
    decided.hear(_settled(_outcome(get()), now=5.0))
    decided.answered(6.0, 6.1)
    assert sum(decided.gets.counts) == 0


def test_permission_to_subscribe_is_counted_though_nobody_is_told_of_it() -> None:
    """That a phone may watch itself is no event, but it was decided."""
    book = Playbook(default_policies())
    book.receive(message())
    rows = {(row.operation, row.feature): row for row in book.features.decided.rows}
    assert rows[Operation.SUBSCRIBE, None].allowed == 1
    assert rows[Operation.GET, DND].allowed == 1


def test_denied_subscription_is_counted_once() -> None:
    """It is an event, which is counted as such."""
    rules = "- {id: no, when: {op: subscribe}, then: {deny: {reason: closed}}}"
    book = Playbook(policies(rules))
    book.receive(message())
    assert book.features.decided.rows == [Row(Operation.SUBSCRIBE, None, 0, 1)]


def test_set_of_a_phone_is_measured_from_its_message_to_the_disk() -> None:
    """All of it, whatever else the server does."""
    store = SlowStore()
    book = Playbook(default_policies(), store=store)
    book.receive(message(body=DND_ON))
    decided = book.features.decided
    assert sum(decided.sets.counts) == 0
    store.now = book.now = 0.3
    store.settle()
    assert sum(decided.sets.counts) == 1


def test_what_follows_from_a_set_is_a_decision_but_no_request() -> None:
    """Nobody waits for it."""
    rules = f"""
    - id: also
      when: {{op: set, origin: watcher}}
      then: {{also: [{{feature: {Feature.CALL_FORWARDING_BUSY.value}, status: 0}}]}}
    """
    book = Playbook(policies(rules))
    book.receive(message(body=DND_ON))
    book.features.decided.answered(book.now, book.now + 0.001)
    sets = [row for row in book.features.decided.rows if row.operation is Operation.SET]
    assert [row.allowed for row in sets] == [1, 1]
    assert sum(book.features.decided.sets.counts) == 1


def test_requester_is_no_label() -> None:
    """The number of series must not grow with the users."""
    decided = Decided()
    for number in range(100):
        requester = Requester(PHONE.origin, ALICE._replace(user=f"u{number}"))
        decided.hear(_settled(_outcome(set_(requester=requester), _DENIES % "no")))
    assert len(decided.denials) == len(decided.rows) == 1
