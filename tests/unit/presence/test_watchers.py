"""Telling those who watch what others changed; most of it is tested with the notifier."""

import re

from dfks_rules.model.features import NOTHING_STORED, FeatureState, Snapshot
from dfks_rules.model.requests import Asked, Operation
from dfks_rules.presence.pacing import PAUSE, PORTION
from dfks_rules.presence.watchers import AT_ONCE
from tests.helpers.playbook import DND_ON, Playbook, Sent, default_policies, message
from tests.helpers.policy import ALICE, DND, NOON, OPERATOR, policies

_MANY = AT_ONCE + 3 * PORTION
_ON = re.compile(rb"<doNotDisturbOn>true<")


def _watched(book: Playbook, watchers: int = _MANY) -> dict[bytes, Sent]:
    """Have so many phones subscribe and confirm; their 200s by Call-ID."""
    responses = {}
    for number in range(watchers):
        via = b"SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bKs%d" % number
        response, notify = book.receive(message(via=via, call_id=b"call-%d" % number))
        book.answer(notify)
        responses[b"call-%d" % number] = response
    return responses


def _set(book: Playbook, *, status: bool) -> list[Sent]:
    asked = Asked(DND, FeatureState(status=status))
    book.features.set(ALICE, [asked], OPERATOR, NOON, book.now, lambda outcomes, now: None)
    return book.sent()


def _heard(book: Playbook, sent: list[Sent]) -> list[Sent]:
    """Answer each NOTIFY, and those that are sent then; all of them."""
    heard = []
    while sent:
        notify = sent.pop(0)
        heard.append(notify)
        sent += book.answer(notify)
    return heard


def test_a_few_watchers_are_told_at_once() -> None:
    """Nearly always they are few."""
    book = Playbook(default_policies())
    _watched(book, AT_ONCE)
    assert len(_set(book, status=True)) == AT_ONCE
    assert book.notifier.counts["changes_paced"] == 0


def test_many_watchers_are_told_in_portions_and_each_once() -> None:
    """20,000 NOTIFYs in one go kept everybody else waiting for 1.6 s."""
    book = Playbook(default_policies())
    _watched(book)
    first = _set(book, status=True)
    assert len(first) == PORTION
    heard = _heard(book, first)
    assert len({one.headers[b"Call-ID"] for one in heard}) == len(heard) == _MANY
    assert all(_ON.search(one.body) for one in heard)
    assert book.notifier.counts["changes_paced"] == 1
    assert book.pass_time(PAUSE) == []


def test_many_that_do_not_answer_are_told_as_time_passes() -> None:
    """The driver asks when; nothing else has to happen."""
    book = Playbook(default_policies())
    _watched(book)
    told = len(_set(book, status=True))
    assert book.notifier.next_deadline() == PAUSE
    while told < _MANY:
        told += len(book.pass_time(PAUSE))
    assert told == _MANY
    assert book.notifier.next_deadline() == 600.0


def test_of_two_changes_in_a_row_everybody_learns_the_last() -> None:
    """The second came before all were told the first."""
    book = Playbook(default_policies())
    _watched(book)
    sent = _set(book, status=True)
    sent += _set(book, status=False)
    shown = {one.headers[b"Call-ID"]: bool(_ON.search(one.body)) for one in _heard(book, sent)}
    assert shown == {b"call-%d" % number: False for number in range(_MANY)}
    assert book.notifier.counts["changes_merged"] == 1


def test_a_change_that_nobody_is_told_leaves_nothing_stale_to_tell() -> None:
    """A phone that subscribes in between knows better already."""
    rule = "- {id: hush, when: {op: set, request.status: 0}, then: {notify: requester}}"
    book = Playbook(policies(rule))
    _watched(book)
    sent = _set(book, status=True)
    assert _set(book, status=False) == []
    later = _heard(book, sent)[PORTION:]
    assert len(later) == _MANY - PORTION
    assert not any(_ON.search(one.body) for one in later)


def test_the_phone_that_pressed_the_key_is_not_told_as_one_that_watches() -> None:
    """It was answered."""
    book = Playbook(default_policies())
    response = _watched(book)[b"call-7"]
    pressed = message(
        b"SUBSCRIBE",
        DND_ON,
        via=b"SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bKpress",
        call_id=b"call-7",
        to=response.headers[b"To"],
        cseq=b"2 SUBSCRIBE",
    )
    sent = [one for one in book.receive(pressed) if not one.status]
    told = [one.headers[b"Call-ID"] for one in _heard(book, sent)]
    assert (len(told), told.count(b"call-7")) == (_MANY, 1)


def test_full_states_go_to_many_in_portions_too() -> None:
    """An operator has all of them refreshed; each is worked out when its turn comes."""
    book = Playbook(default_policies())
    _watched(book)
    before = len(book.log.outcomes)
    assert book.notifier.refresh_watchers(ALICE, NOON, book.now) == _MANY
    first = book.sent()
    assert len(first) == PORTION
    gets = book.log.outcomes[before:]
    assert {one.request.operation for one in gets} == {Operation.GET}
    assert len(gets) == 4 * PORTION
    heard = _heard(book, first)
    assert len({one.headers[b"Call-ID"] for one in heard}) == len(heard) == _MANY
    assert all(one.headers[b"Content-Type"].startswith(b"multipart/mixed") for one in heard)


def test_a_stop_while_some_wait_tells_each_that_it_has_to_subscribe_again() -> None:
    """Nothing is lost: what is stored is in the answer to the next SUBSCRIBE."""
    book = Playbook(default_policies())
    _watched(book)
    _set(book, status=True)
    while book.notifier.deactivate(book.now, PORTION):
        pass
    states = [one.headers[b"Subscription-State"] for one in book.sent()]
    assert states == [b"terminated;reason=deactivated"] * _MANY
    book.now += PAUSE
    book.notifier.expire(NOON, book.now)
    assert book.sent() == []


# --- What other nodes changed ---


def _learn(
    book: Playbook, before: Snapshot | None, after: Snapshot, *, tells: bool = True
) -> list[Sent]:
    book.notifier.learned(ALICE, before, after, tells=tells, at=NOON, now=book.now)
    return book.sent()


def _with_dnd(*, status: bool = True) -> Snapshot:
    return NOTHING_STORED.replace(DND, FeatureState(status=status))


def test_what_another_node_changed_is_told_to_all_who_watch() -> None:
    """Only what differs; also to the phone that set it, if it has come here since."""
    book = Playbook(default_policies())
    _watched(book, 2)
    told = _learn(book, NOTHING_STORED, _with_dnd())
    assert len(told) == 2
    assert all(_ON.search(one.body) and b"Forwarding" not in one.body for one in told)
    _heard(book, told)
    assert _learn(book, _with_dnd(), _with_dnd()) == []


def test_what_another_node_changed_is_told_to_many_in_portions() -> None:
    """As if it had been changed here."""
    book = Playbook(default_policies())
    _watched(book)
    first = _learn(book, NOTHING_STORED, _with_dnd())
    assert len(first) == PORTION
    assert len(_heard(book, first)) == _MANY


def test_where_it_is_not_known_what_was_before_all_states_are_told() -> None:
    """They are what is stored by then."""
    book = Playbook(default_policies())
    _watched(book, 1)
    (told,) = _learn(book, None, _with_dnd())
    assert told.body.count(b"<ForwardingEvent") == 3


def test_of_a_change_that_nobody_is_told_no_older_state_is_told_later() -> None:
    """What a phone has not confirmed, and what waits behind it, says what holds by then."""
    book = Playbook(default_policies())
    _watched(book, 1)
    (notify,) = _learn(book, NOTHING_STORED, _with_dnd())
    assert _learn(book, _with_dnd(), _with_dnd(status=False), tells=False) == []
    book.answer(notify, 503)
    (again,) = book.pass_time(64.0)
    assert b"<doNotDisturbOn>false<" in again.body
    book.answer(again)
    assert _learn(book, None, _with_dnd(), tells=False) == []


def test_of_a_change_that_nobody_is_told_many_who_wait_learn_what_holds() -> None:
    """Their turn comes later."""
    book = Playbook(default_policies())
    _watched(book)
    first = _learn(book, NOTHING_STORED, _with_dnd())
    _learn(book, _with_dnd(), _with_dnd(status=False), tells=False)
    heard = _heard(book, first)
    assert not any(_ON.search(one.body) for one in heard[PORTION:])


def test_what_another_node_changed_is_shown_as_the_rules_say() -> None:
    """A rule hides that Alice wants quiet; so does what is told later."""
    hidden = policies("""
        - id: hide
          when: {op: get, feature: DoNotDisturb}
          then: {status: 0}
    """)
    book = Playbook(hidden)
    _watched(book, 1)
    (told,) = _learn(book, NOTHING_STORED, _with_dnd())
    assert not _ON.search(told.body)
    _learn(book, NOTHING_STORED, _with_dnd(), tells=False)
    book.answer(told, 503)
    (again,) = book.pass_time(64.0)
    assert not _ON.search(again.body)
