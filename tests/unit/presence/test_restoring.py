"""Subscriptions go on in the next life of the server."""

import pytest

from dfks_rules.model.features import OFF, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked
from dfks_rules.presence import pacing, rows
from dfks_rules.presence.claim import Before
from dfks_rules.presence.package import Limits, SubscriptionLimits
from dfks_rules.presence.restoring import BULKY, GRACE, LOOK, PAUSE, PORTION
from dfks_rules.presence.watchers import AT_ONCE
from dfks_rules.sip.flow import BROKEN, Flow
from tests.helpers.lives import EPOCH, Lives
from tests.helpers.playbook import DND_ON, Playbook, Sent, message, tag_of
from tests.helpers.policy import ALICE, DND, NOON, ON, OPERATOR, policies
from tests.helpers.ways import TCP

DND_OFF = DND_ON.replace(b"true", b"false")


def _subscribe(number: int = 1, cseq: int = 1, body: bytes = b"", **changes: bytes | None) -> bytes:
    headers = {
        "via": b"SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bK%d-%d" % (number, cseq),
        "call_id": b"call-%d" % number,
        "cseq": b"%d SUBSCRIBE" % cseq,
        **changes,
    }
    return message(b"SUBSCRIBE", body, **headers)


def _subscribed(lives: Lives, number: int = 1) -> Sent:
    response, notify = lives.book.receive(_subscribe(number))
    lives.book.answer(notify)
    return response


def _set(book: Playbook) -> list[Sent]:
    """An operator sets Alice's DND."""
    _toggle(book, on=True)
    return book.sent()


def test_a_change_after_a_crash_is_told_in_the_same_dialog_with_a_higher_cseq() -> None:
    """The phone notices nothing but the NOTIFY."""
    lives = Lives()
    response, first = lives.book.receive(_subscribe())
    lives.book.answer(first)
    (notify,) = _set(lives.crash())
    for name in (b"Call-ID", b"To", b"From", b"Contact", b"Event"):
        assert notify.headers[name] == first.headers[name]
    assert (notify.start, notify.flow) == (first.start, first.flow)
    assert notify.cseq > first.cseq
    assert b"<doNotDisturbOn>true<" in notify.body
    assert tag_of(response) in notify.headers[b"From"]


def test_a_refresh_after_a_crash_is_answered_as_if_nothing_had_happened() -> None:
    """And the deadline is that of the refresh."""
    lives = Lives()
    response = _subscribed(lives)
    book = lives.crash()
    answer, notify = book.receive(_subscribe(cseq=2, to=response.headers[b"To"]))
    assert (answer.status, answer.headers[b"Expires"]) == (200, b"600")
    assert notify.headers[b"Subscription-State"] == b"active;expires=600"


def test_it_expires_when_it_would_have_expired() -> None:
    """Its deadline is kept by the clock on the wall, in whichever life it was granted."""
    lives = Lives()
    _subscribed(lives)
    lives.book.pass_time(100.0)
    book = lives.crash(down=50.0)
    assert book.pass_time(449.0) == []
    (notify,) = book.pass_time(1.0)
    assert notify.headers[b"Subscription-State"] == b"terminated;reason=timeout"
    book.answer(notify)
    book.pass_time(2.0)
    assert not lives.store.rows


def test_shortly_after_a_crash_it_lives_a_minute_longer() -> None:
    """A refresh may have been answered whose row was not yet written."""
    lives = Lives()
    _subscribed(lives)
    lives.book.pass_time(590.0)
    book = lives.crash(down=1.0)
    assert book.pass_time(9.0 + GRACE - 1.0) == []
    (notify,) = book.pass_time(1.0)
    assert notify.headers[b"Subscription-State"] == b"terminated;reason=timeout"


def test_after_a_planned_stop_there_is_no_grace() -> None:
    """Everything was written."""
    lives = Lives()
    _subscribed(lives)
    lives.book.pass_time(590.0)
    (notify,) = lives.stop(down=1.0).pass_time(9.0)
    assert notify.headers[b"Subscription-State"] == b"terminated;reason=timeout"


def test_what_expired_while_nothing_ran_is_gone() -> None:
    """Its phone knows that itself; nobody is told."""
    lives = Lives()
    response = _subscribed(lives)
    book = lives.crash(down=700.0)
    assert (book.pass_time(5.0), len(book.notifier.subscriptions)) == ([], 0)
    assert book.notifier.counts["rows_expired"] == 1
    (answer,) = book.receive(_subscribe(cseq=2, to=response.headers[b"To"]))
    assert answer.status == 481
    book.pass_time(2.0)
    assert not lives.store.rows


def test_a_planned_restart_sends_nothing() -> None:
    """No needless NOTIFY, neither as it stops nor as it starts."""
    lives = Lives()
    _subscribed(lives)
    lives.book.notifier.rest(lives.book.now)
    assert lives.book.sent() == []
    assert lives.stop().pass_time(10.0) == []


def test_what_was_not_confirmed_at_a_planned_stop_is_told_again() -> None:
    """All states, in the next life."""
    lives = Lives()
    response, notify = lives.book.receive(_subscribe())
    lives.book.answer(notify)
    assert len(_set(lives.book)) == 1
    (notify,) = lives.stop().pass_time(1.0)
    assert notify.headers[b"Call-ID"] == response.headers[b"Call-ID"]
    assert notify.body.count(b"<ForwardingEvent") == 3
    assert b"<doNotDisturbOn>true<" in notify.body


def test_who_waits_for_a_turn_at_a_planned_stop_is_told_in_the_next_life() -> None:
    """Many watch, and are told in portions; those of the portions to come have heard nothing."""
    lives = Lives()
    many = AT_ONCE + 40
    for number in range(many):
        _subscribed(lives, number)
    told = {notify.headers[b"Call-ID"] for notify in _set(lives.book)}
    assert len(told) < many
    book = lives.stop()
    later = {one.headers[b"Call-ID"] for _ in range(8) for one in book.pass_time(PAUSE)}
    assert len(told | later) == many


def test_who_has_waited_long_for_a_turn_at_a_crash_is_told_in_the_next_life(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The change is so old by then that nobody looks for it."""
    monkeypatch.setattr(pacing, "MOMENT", 0.0)
    lives = Lives()
    many = AT_ONCE + 40
    responses = [_subscribed(lives, number) for number in range(many)]
    told = {notify.headers[b"Call-ID"] for notify in _set(lives.book)}
    assert len(told) == pacing.PORTION
    # It confirms something else, and its turn comes yet.
    refresh = _subscribe(many - 1, 2, to=responses[-1].headers[b"To"])
    for notify in lives.book.receive(refresh)[1:]:
        lives.book.answer(notify)
    lives.book.notifier._kept.rest(lives.book.now)  # type: ignore[union-attr]
    book = lives.crash()
    later = {one.headers[b"Call-ID"] for _ in range(8) for one in book.pass_time(PAUSE)}
    assert not told & later
    assert len(told | later) == many


def test_who_has_waited_long_and_is_told_is_owed_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its row says so a second after its answer."""
    monkeypatch.setattr(pacing, "MOMENT", 0.0)
    lives = Lives()
    for number in range(AT_ONCE + 40):
        _subscribed(lives, number)
    sent = _set(lives.book)
    while sent:
        sent = [more for notify in sent for more in lives.book.answer(notify)]
    lives.book.pass_time(5.0)
    assert not [row for row in lives.store.rows.values() if row.flags & rows.OWED]


def test_a_change_that_waits_until_a_phone_wants_to_hear_is_told_after_a_crash() -> None:
    """It has asked for an hour of silence."""
    lives = Lives()
    _, notify = lives.book.receive(_subscribe())
    lives.book.answer(notify)
    known = notify.headers[b"SIP-ETag"]
    _, notify = lives.book.receive(_subscribe(2, suppress_if_match=known))
    assert not notify.body
    lives.book.answer(notify, 503, b"Retry-After: 3600\r\n")
    (notify,) = _set(lives.book)
    lives.book.answer(notify)
    lives.book.pass_time(2.0)
    told = [one.headers[b"Call-ID"] for one in lives.crash().pass_time(1.0)]
    assert told == [b"call-2"]


def test_who_is_told_after_all_is_owed_nothing_in_the_life_after() -> None:
    """The row says so as soon as the NOTIFY is answered."""
    lives = Lives()
    _subscribed(lives)
    _set(lives.book)
    book = lives.stop()
    (notify,) = book.pass_time(1.0)
    book.answer(notify)
    assert lives.stop().pass_time(10.0) == []


def test_who_waits_to_be_shown_a_change_at_a_stop_is_told_by_the_next_life() -> None:
    """What decides on it is fetched, for as long as another program locks the store."""
    lives = Lives(policies("- {id: r, when: {op: get, target.loop: true}, then: {status: 0}}"))
    _subscribed(lives)
    store, known = lives.store, lives.store.known

    def known_until_stored(presentity: Aor) -> Snapshot | None:
        snapshot = known(presentity)
        return None if snapshot.revision else snapshot

    with pytest.MonkeyPatch.context() as locked:
        locked.setattr(store, "known", known_until_stored)
        locked.setattr(store, "fetch", lambda *_: None)
        assert _set(lives.book) == []
    (notify,) = lives.stop().pass_time(1.0)
    assert b"<doNotDisturbOn>true<" in notify.body


def test_after_a_crash_who_watches_what_changed_is_told() -> None:
    """The NOTIFY of a change shortly before the crash may be lost."""
    lives = Lives()
    _subscribed(lives)
    lives.book.pass_time(500.0)
    book = lives.begin_again()
    lives.restore(changed=[ALICE])
    (notify,) = book.pass_time(1.0)
    assert notify.body.count(b"<ForwardingEvent") == 3
    assert book.notifier.counts["restored_told"] == 1
    book.answer(notify)
    assert book.pass_time(2.0) == []


def test_who_is_told_after_all_is_told_what_holds_at_that_time_of_day() -> None:
    """Clocks are set, and summer ends, in the months that a server runs."""
    rule = "- {id: closed, when: {op: get, time: {outside: office}}, then: {status: 1}}"
    office = "schedules: {office: {tz: UTC, weekly: ['Daily 08:00-18:00']}}"
    lives = Lives(policies(rule, office))
    _subscribed(lives)
    lives.book.pass_time(500.0)
    book = lives.begin_again()
    lives.restore(changed=[ALICE])
    (notify,) = book.pass_time(1.0, NOON.replace(hour=20))
    assert b"<doNotDisturbOn>true<" in notify.body


def test_after_a_crash_who_was_told_late_since_it_had_answered_late_is_told() -> None:
    """A change waits for the NOTIFY before it, and only then its own is sent for half a minute."""
    lives = Lives()
    _subscribed(lives)
    book = lives.book
    (first,) = _set(book)
    _toggle(book, on=False)
    book.pass_time(31.0)
    (second,) = book.answer(first)
    assert b"<doNotDisturbOn>false<" in second.body
    book.pass_time(20.0)
    # Both changes are older than those that a restart looks for.
    book = lives.begin_again()
    lives.restore(beat_at=EPOCH + 51.0)
    assert len(book.pass_time(1.0)) == 1


def test_after_a_crash_who_subscribed_shortly_before_is_told() -> None:
    """Its first NOTIFY may be lost."""
    lives = Lives()
    _subscribed(lives)
    book = lives.begin_again()
    lives.restore(beat_at=EPOCH + 10.0)
    assert len(book.pass_time(1.0)) == 1
    lives = Lives()
    _subscribed(lives)
    book = lives.begin_again()
    lives.restore(beat_at=EPOCH + 50.0)
    assert book.pass_time(1.0) == []


def test_who_is_to_be_told_is_told_also_after_the_next_crash() -> None:
    """The second life may end before it has told anybody."""
    lives = Lives()
    _subscribed(lives)
    lives.book.pass_time(500.0)
    book = lives.begin_again()
    lives.restore(changed=[ALICE])
    book.notifier.expire(NOON, book.now)
    book.notifier._kept.rest(book.now)  # type: ignore[union-attr]
    assert len(lives.crash().pass_time(1.0)) == 1


def test_who_confirms_something_else_before_its_turn_is_still_owed_all_states() -> None:
    """The turn of 100,000 comes within minutes, and a restart may come before it."""
    lives = Lives()
    _subscribed(lives)
    lives.book.pass_time(500.0)
    book = lives.begin_again()
    lives.restore(changed=[ALICE])
    (notify,) = _set(book)
    book.answer(notify)
    (notify,) = lives.stop().pass_time(1.0)
    assert notify.body.count(b"<ForwardingEvent") == 3


def test_a_subscribe_for_all_states_leaves_nothing_to_tell() -> None:
    """Its answer says it all."""
    lives = Lives()
    response = _subscribed(lives)
    book = lives.begin_again()
    lives.restore(changed=[ALICE])
    _, notify = book.receive(_subscribe(cseq=2, to=response.headers[b"To"]))
    book.answer(notify)
    assert book.pass_time(2.0) == []


def test_whoever_is_being_told_is_looked_after_though_no_message_comes() -> None:
    """What is stored may turn out to be unreadable, and nobody asks when to try again."""
    lives = Lives()
    _subscribed(lives)
    lives.book.pass_time(100.0)
    book = lives.begin_again()
    lives.restore(changed=[ALICE])
    assert len(book.pass_time(PAUSE)) == 1
    deadlines = []
    while (deadline := book.notifier.next_deadline()) is not None and deadline < 20.0:
        deadlines.append(deadline)
        book.pass_time(deadline - book.now)
    assert deadlines[-1] == PAUSE + LOOK


def test_many_are_told_in_portions() -> None:
    """A burst of answers would overflow the socket."""
    lives = Lives()
    for number in range(PORTION + 5):
        _subscribed(lives, number)
    book = lives.begin_again()
    lives.restore(changed=[ALICE])
    assert len(book.pass_time(PAUSE)) == PORTION
    assert book.pass_time(PAUSE / 2) == []
    assert len(book.pass_time(PAUSE / 2)) == 5


def test_who_has_missed_something_is_told_before_those_who_perhaps_have() -> None:
    """A node that dies in a storm leaves minutes of the latter."""
    lives = Lives()
    bob = b"<sip:bob@example.com>"
    for number in (1, 2):
        via = b"SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bKbob%d" % number
        headers = {"from": bob + b";tag=bob", "call_id": b"call-%d" % number, "via": via}
        sent = message(to=bob, uri=b"sip:bob@example.com", **headers)
        lives.book.answer(lives.book.receive(sent)[1])
    for number in range(3, PORTION + 4):
        _subscribed(lives, number)
    book = lives.begin_again()
    lives.restore(changed=[Aor("bob", "example.com")], beat_at=EPOCH + 10.0)
    first, rest = book.pass_time(PAUSE), book.pass_time(PAUSE)
    assert [b"bob@" in one.headers[b"From"] for one in first] == [True, True]
    assert len(rest) == PORTION


def test_a_change_while_rows_are_read_is_told_to_those_that_come_later() -> None:
    """Their rows were not there when it happened."""
    lives = Lives()
    _subscribed(lives, 1)
    _subscribed(lives, 2)
    book = lives.begin_again()
    lives.restore(EPOCH + 1_000.0)
    lives.begin_again()
    book = lives.book
    newest, oldest = lives.store.read(1 << 62, 10)

    claim = book.notifier.restore(Before(EPOCH + 1_000.0, is_clean=False), book.now)
    book.notifier.take(claim, [newest], book.now)
    assert [one.headers[b"Call-ID"] for one in _set(book)] == [b"call-2"]
    book.notifier.take(claim, [oldest], book.now)
    book.notifier.loaded(claim)
    told = [one.headers[b"Call-ID"] for one in book.pass_time(1.0)]
    assert b"call-1" in told


def test_a_dialog_that_may_yet_be_read_is_not_answered_481() -> None:
    """Its phone repeats the SUBSCRIBE, and by then it is there."""
    lives = Lives()
    response = _subscribed(lives)
    book = lives.begin_again()

    claim = book.notifier.restore(Before(EPOCH + 1_000.0, is_clean=False), book.now)
    refresh = _subscribe(cseq=2, to=response.headers[b"To"])
    assert book.receive(refresh) == []
    assert book.notifier.counts["unanswered_while_loading"] == 1
    book.notifier.take(claim, lives.store.read(1 << 62, 10), book.now)
    assert book.receive(refresh)[0].status == 200
    stranger = _subscribe(9, to=b"<sip:alice@example.com>;tag=never")
    assert book.receive(stranger) == []
    book.notifier.loaded(claim)
    assert book.receive(stranger)[0].status == 481


@pytest.mark.parametrize("is_wanted", [False, True])
def test_a_row_that_is_found_while_its_dialog_is_made_anew_is_replaced(is_wanted: bool) -> None:
    """The phone has begun anew with the same SUBSCRIBE: there is one subscription, counted once."""
    lives = Lives(limits=Limits(subscriptions=SubscriptionLimits(in_all=1)))
    response, first = lives.book.receive(_subscribe())
    lives.book.answer(first)
    lives.book.pass_time(100.0)
    lives.crash()
    (notify,) = _set(lives.book)
    lives.book.answer(notify)
    lives.book.pass_time(100.0)
    book = lives.begin_again()
    claim = book.notifier.restore(Before(lives.epoch - 1.0, is_clean=True), book.now)
    lives.store.held_commits = []
    assert book.receive(_subscribe()) == []
    book.notifier.take(claim, lives.store.read(1 << 62, 10), book.now)
    book.notifier.loaded(claim)
    if is_wanted:
        assert book.notifier.subscriptions.at(tag_of(response)) is not None
    lives.store.release_commits()
    book.pass_time(2.0)
    assert len(book.notifier.subscriptions) == 1
    (one,) = book.notifier.subscriptions
    assert book.notifier.subscriptions.watched() == [one.dialog.local_tag]
    assert one.dialog.local_tag == tag_of(response)
    assert (len(lives.store.rows), book.notifier.counts["subscriptions_made"]) == (1, 1)
    (row,) = lives.store.rows.values()
    assert row.row == one.row
    assert rows.local_cseq_of(row.base, lives.store.term + 1) > one.dialog.local_cseq
    assert one.dialog.local_cseq > notify.cseq
    book.receive(_subscribe(1, 2, to=response.headers[b"To"], expires=b"0"))
    assert book.receive(_subscribe(2))[0].status == 200


# --- Repeats ---


def test_a_set_that_comes_again_after_a_crash_is_answered_and_not_applied() -> None:
    """Somebody else may have set something meanwhile."""
    lives = Lives()
    response = _subscribed(lives)
    press = _subscribe(cseq=2, body=DND_ON, to=response.headers[b"To"])
    lives.book.receive(press)
    book = lives.crash()
    _set_off(book)
    answer, notify = book.receive(press)
    assert answer.status == 200
    assert b"<doNotDisturbOn>false<" in notify.body
    assert notify.body.count(b"<ForwardingEvent") == 3
    assert book.notifier.counts["requests_repeated"] == 1


def test_a_first_subscribe_that_comes_again_after_a_crash_finds_its_dialog() -> None:
    """Its tag is the same, and there is one subscription."""
    lives = Lives()
    press = _subscribe(body=DND_ON, record_route=b"<sip:192.0.2.7;lr>")
    first, _ = lives.book.receive(press)
    book = lives.crash()
    _set_off(book)
    again, notify = book.receive(press)
    assert (again.status, again.headers[b"To"]) == (200, first.headers[b"To"])
    assert again.headers[b"Record-Route"] == first.headers[b"Record-Route"]
    assert b"<doNotDisturbOn>false<" in notify.body
    assert len(book.notifier.subscriptions) == 1


def test_a_fetch_with_sets_that_comes_again_after_a_crash_is_not_applied() -> None:
    """There is no dialog, but a row for as long as its phone repeats it."""
    lives = Lives()
    press = _subscribe(body=DND_ON, expires=b"0")
    _, first = lives.book.receive(press)
    book = lives.crash()
    assert len(book.notifier.subscriptions) == 0
    _set_off(book)
    answer, notify = book.receive(press)
    assert answer.status == 200
    assert notify.headers[b"Subscription-State"] == b"terminated;reason=timeout"
    assert b"<doNotDisturbOn>false<" in notify.body
    assert notify.headers[b"From"] == first.headers[b"From"]
    assert notify.cseq > first.cseq


def test_a_set_that_ends_a_subscription_and_comes_again_is_not_applied() -> None:
    """Its row stays for a while; then it is removed."""
    lives = Lives()
    response = _subscribed(lives)
    press = _subscribe(cseq=2, body=DND_ON, expires=b"0", to=response.headers[b"To"])
    lives.book.receive(press)
    lives.book.pass_time(2.0)
    book = lives.crash()
    _set_off(book)
    answer, notify = book.receive(press)
    assert (answer.status, answer.headers[b"Expires"]) == (200, b"0")
    assert b"<doNotDisturbOn>false<" in notify.body
    assert len(book.notifier.subscriptions) == 0


def test_the_row_of_a_fetch_is_removed_when_nobody_repeats_it_any_more() -> None:
    """Rows must not pile up, in whichever life."""
    lives = Lives()
    lives.book.receive(_subscribe(body=DND_ON, expires=b"0"))
    assert len(lives.store.rows) == 1
    lives.book.pass_time(32.0)
    lives.book.pass_time(1.0)
    assert not lives.store.rows
    lives.book.receive(_subscribe(2, body=DND_OFF, expires=b"0"))
    book = lives.crash()
    for _ in range(100):
        book.pass_time(1.0)
    assert not lives.store.rows


def test_a_set_whose_dialog_has_ended_and_comes_again_after_a_crash_is_not_applied() -> None:
    """Its phone has refused the NOTIFY, but the SUBSCRIBE is still on its way a second time."""
    lives = Lives()
    press = _subscribe(body=DND_ON)
    _, notify = lives.book.receive(press)
    lives.book.answer(notify, 481)
    assert len(lives.book.notifier.subscriptions) == 0
    lives.book.pass_time(2.0)
    book = lives.crash()
    assert len(book.notifier.subscriptions) == 0
    _set_off(book)
    _, again = book.receive(press)
    assert b"<doNotDisturbOn>false<" in again.body
    assert again.cseq > notify.cseq
    book.answer(again, 481)
    for _ in range(100):
        book.pass_time(1.0)
    assert not lives.store.rows


def test_a_set_that_made_a_dialog_is_known_though_another_one_met_its_end() -> None:
    """The phone refused a NOTIFY while its second set was being stored."""
    lives = Lives()
    press = _subscribe(body=DND_ON)
    response, notify = lives.book.receive(press)
    lives.store.held, lives.store.held_commits = [], []
    lives.book.receive(_subscribe(cseq=2, body=DND_ON, to=response.headers[b"To"]))
    lives.book.answer(notify, 481)
    lives.store.release_commits()
    lives.store.release()
    lives.book.pass_time(2.0)
    book = lives.crash()
    _set_off(book)
    _, again = book.receive(press)
    assert b"<doNotDisturbOn>false<" in again.body
    book.answer(again, 481)
    for _ in range(100):
        book.pass_time(1.0)
    assert not lives.store.rows


def test_a_set_whose_dialog_has_ended_after_a_crash_and_comes_again_is_not_applied() -> None:
    """The phone refuses what it is told after the crash; a copy of its SUBSCRIBE comes late."""
    lives = Lives()
    press = _subscribe(body=DND_ON)
    _, first = lives.book.receive(press)
    book = lives.begin_again()
    lives.restore()
    (second,) = book.pass_time(1.0)
    book.answer(second, 481)
    assert len(book.notifier.subscriptions) == 0
    _set_off(book)
    _, third = book.receive(press)
    assert b"<doNotDisturbOn>false<" in third.body
    book.answer(third, 481)
    book.pass_time(2.0)
    book = lives.crash()
    _, fourth = book.receive(press)
    assert b"<doNotDisturbOn>false<" in fourth.body
    cseqs = [one.cseq for one in (first, second, third, fourth)]
    assert cseqs == sorted(set(cseqs))
    book.answer(fourth, 481)
    for _ in range(100):
        book.pass_time(1.0)
    assert not lives.store.rows


def test_what_is_known_of_fetches_is_forgotten_in_time() -> None:
    """Nobody repeats them any more."""
    lives = Lives()
    lives.book.receive(_subscribe(body=DND_ON, expires=b"0"))
    book = lives.crash()
    restoring = book.notifier._restoring
    assert restoring is not None
    assert restoring._one_shots
    for _ in range(100):
        book.pass_time(1.0)
    assert not restoring._one_shots


def test_a_dialog_that_has_gone_on_is_not_begun_again() -> None:
    """The same SUBSCRIBE without To tag is late, or wants another dialog; its sets are old."""
    lives = Lives()
    first = _subscribe(body=DND_ON)
    response, notify = lives.book.receive(first)
    lives.book.answer(notify)
    book = lives.crash()
    for notify in book.receive(_subscribe(cseq=2, body=DND_OFF, to=response.headers[b"To"]))[1:]:
        book.answer(notify)
    again, notify = book.receive(first)
    assert tag_of(again) != tag_of(response)
    assert len(book.notifier.subscriptions) == 2
    assert b"<doNotDisturbOn>false<" in notify.body


# --- What is restored ---


@pytest.mark.parametrize("is_fetch", [False, True])
def test_nobody_lives_longer_than_can_be_granted(is_fetch: bool) -> None:
    """The clock was years ahead, or somebody has edited the file."""
    limits = Limits(max_expires=600, default_expires=600)
    lives = Lives(limits=limits)
    lives.book.receive(_subscribe(body=DND_ON, expires=b"0" if is_fetch else b"600"))
    ((number, row),) = lives.store.rows.items()
    lives.store.rows[number] = row._replace(deadline=1e18)
    book = lives.crash()
    assert book.notifier.counts["rows_shortened"] == 1
    if not is_fetch:
        book.pass_time(2.0)
        assert lives.store.rows[number].deadline == lives.epoch + 600.0 + GRACE
    for _ in range(700):
        for notify in book.pass_time(1.0):
            book.answer(notify)
    assert (len(book.notifier.subscriptions), lives.store.rows) == (0, {})


def test_a_row_with_long_messages_is_made_into_a_subscription_at_once() -> None:
    """100,000 of them would take 3 GB; a subscription keeps what it needs."""
    lives = Lives()
    _subscribed(lives, 1)
    lives.book.receive(_subscribe(2, allow=b"x" * BULKY))
    book = lives.crash()
    assert [one.dialog.call_id for one in book.notifier.subscriptions.made()] == [b"call-2"]


def test_a_stream_is_restored_as_a_broken_one() -> None:
    """NOTIFYs go to the Contact, until the phone connects again."""
    lives = Lives()
    lives.ways.open.add(7)
    flow = Flow(TCP, ("192.0.2.7", 40_000), 7)
    contact = b"<sip:alice@192.0.2.7:40000;transport=tcp>"
    response, _ = lives.book.receive(_subscribe(contact=contact), flow)
    book = lives.crash()
    (notify,) = _set(book)
    assert notify.flow == Flow(TCP, ("192.0.2.7", 40_000), BROKEN)
    flow = flow._replace(connection=9)
    _, notify = book.receive(_subscribe(cseq=2, contact=contact, to=response.headers[b"To"]), flow)
    assert notify.flow == flow


def test_a_row_whose_listener_is_gone_is_given_up() -> None:
    """The settings have changed; its phone gets 481 and subscribes again."""
    lives = Lives()
    response = _subscribed(lives)
    lives.ways.listener_at = lambda *_: None  # type: ignore[method-assign]
    book = lives.crash()
    assert len(book.notifier.subscriptions) == 1
    (answer,) = book.receive(_subscribe(cseq=2, to=response.headers[b"To"]))
    assert answer.status == 481
    assert (book.notifier.counts["rows_unreadable"], len(book.notifier.subscriptions)) == (1, 0)
    book.pass_time(2.0)
    assert not lives.store.rows


def test_a_spoilt_row_is_removed() -> None:
    """Nothing is known of it but its number."""
    lives = Lives()
    _subscribed(lives)
    spoilt = lives.store.rows[1]._replace(tag=b"", presentity=Aor("", ""), deadline=0.0, first=b"")
    lives.store.rows[1] = spoilt
    book = lives.crash()
    counts = book.notifier.counts
    assert (counts["rows_unreadable"], counts["rows_expired"]) == (1, 0)
    assert len(book.notifier.subscriptions) == 0
    book.pass_time(2.0)
    assert not lives.store.rows


@pytest.mark.parametrize("first", [b"", b"x", b"udp\t1\t2\t3\t4\r\nINVITE", b"\xff\r\nSUBSCRIBE x"])
def test_a_row_that_is_not_ours_is_given_up(first: bytes) -> None:
    """Another program may have written it."""
    lives = Lives()
    _subscribed(lives)
    lives.store.rows[1] = lives.store.rows[1]._replace(first=first)
    book = lives.crash()
    assert _set(book) == []
    assert len(book.notifier.subscriptions) == 0
    assert len(book.notifier.guard._quotas) == 0


def test_rows_count_for_the_limits_before_anybody_looks_at_them() -> None:
    """Else a restart would let in twice as many."""
    for limits in (SubscriptionLimits(in_all=1), SubscriptionLimits(per_user=1)):
        lives = Lives(limits=Limits(subscriptions=limits))
        _subscribed(lives)
        book = lives.crash()
        (refused,) = book.receive(_subscribe(2))
        assert refused.status in (403, 503)
        book = lives.crash(down=700.0)
        assert book.receive(_subscribe(2))[0].status == 200


def test_rows_are_made_into_subscriptions_when_somebody_wants_them() -> None:
    """100,000 are loaded in a moment."""
    lives = Lives()
    for number in range(3):
        _subscribed(lives, number)
    book = lives.crash()
    assert len(book.notifier.subscriptions) == 3
    assert book.notifier.subscriptions.made() == []
    assert book.notifier.counts["rows_restored"] == 3
    assert len(list(book.notifier.subscriptions)) == 3
    assert len(book.notifier.subscriptions.made()) == 3


def test_an_unproved_one_is_restored_as_such() -> None:
    """A restart proves nothing: whoever forged the SUBSCRIBE must not have others hit."""
    lives = Lives()
    book = lives.book
    contact = b"<sip:alice@192.0.2.99>"
    book.receive(_subscribe(contact=contact))
    book = lives.crash()
    (one,) = list(book.notifier.subscriptions)
    assert one.proof.value == "unproved"
    assert book.notifier.guard.unproved == 1
    (notify,) = book.pass_time(1.0) or _set(book)
    book.answer(notify)
    book.pass_time(2.0)
    (one,) = list(lives.crash().notifier.subscriptions)
    assert one.proof.value == "proved"


# --- CSeq ---


def test_cseq_rises_whatever_life_it_is() -> None:
    """RFC 3261 §12.2.2: a phone refuses a NOTIFY that is not newer than the last."""
    lives = Lives()
    _, notify = lives.book.receive(_subscribe())
    lives.book.answer(notify)
    last = notify.cseq
    assert last == 1
    for life in range(5):
        on = True
        for _ in range(1_500 if life == 2 else 3):
            on = not on
            _toggle(lives.book, on=on)
            for notify in lives.book.sent():
                assert notify.cseq > last
                last = notify.cseq
                lives.book.answer(notify)
        lives.book.pass_time(1.0)
        lives.crash()
    assert last < 5 * 2_048 + 2_048


def test_the_next_term_is_not_used_before_it_is_reserved() -> None:
    """The subscription ends instead: a CSeq that is used twice is worse."""
    lives = Lives()
    _, notify = lives.book.receive(_subscribe())
    lives.book.answer(notify)
    lives.store.is_failing = True
    cseqs = []
    for turn in range(2_100):
        _toggle(lives.book, on=bool(turn % 2))
        for notify in lives.book.sent():
            cseqs.append(notify.cseq)
            state = notify.headers[b"Subscription-State"]
            lives.book.answer(notify)
    assert state == b"terminated;reason=deactivated"
    assert max(cseqs) == 2_047
    assert len(lives.book.notifier.subscriptions) == 0


def test_the_next_term_is_used_once_it_is_reserved() -> None:
    """Nobody notices."""
    lives = Lives()
    _, notify = lives.book.receive(_subscribe())
    lives.book.answer(notify)
    cseq = 0
    for turn in range(2_100):
        _toggle(lives.book, on=bool(turn % 2))
        for notify in lives.book.sent():
            cseq = notify.cseq
            lives.book.answer(notify)
        if turn == 1_500:
            lives.book.pass_time(1.0)
    assert cseq > 2_048
    assert rows.local_cseq_of(lives.store.rows[1].base, lives.store.term + 1) > cseq


def _toggle(book: Playbook, *, on: bool) -> None:
    state = ON if on else OFF
    book.features.set(ALICE, [Asked(DND, state)], OPERATOR, NOON, book.now, lambda *_: None)


def _set_off(book: Playbook) -> None:
    """An operator sets it off; all watchers confirm."""
    _toggle(book, on=False)
    for notify in book.sent():
        book.answer(notify)


def test_nobody_is_restored_for_an_unknown_presentity() -> None:
    """A row belongs to whom it names, whoever else there is."""
    lives = Lives()
    _subscribed(lives)
    book = lives.crash()
    assert book.notifier.subscriptions.of(Aor("bob", "example.com")) == ()
    assert len(book.notifier.subscriptions.of(ALICE)) == 1
