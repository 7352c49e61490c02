"""The rows of subscriptions: when they are written."""

import pytest

from dfks_rules.presence import kept as module
from dfks_rules.presence import rows
from dfks_rules.presence.kept import AGAIN, AT_ONCE, DELAY
from tests.helpers.lives import EPOCH, Lives
from tests.helpers.playbook import DND_ON, Sent, message


def _subscribe(number: int, cseq: int = 1, body: bytes = b"", **changes: bytes | None) -> bytes:
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


def _refresh(
    lives: Lives, response: Sent, cseq: int, body: bytes = b"", **changes: bytes | None
) -> list[Sent]:
    number = int(response.headers[b"Call-ID"][5:])
    headers = {"to": response.headers[b"To"], **changes}
    sent = lives.book.receive(_subscribe(number, cseq, body, **headers))
    for notify in sent[1:]:
        lives.book.answer(notify)
    return sent


def test_a_subscription_has_its_row_when_it_is_answered() -> None:
    """What phones were promised is durable."""
    lives = Lives()
    lives.book.receive(_subscribe(1))
    (row,) = lives.store.rows.values()
    assert (row.row, row.cseq, row.deadline, row.base) == (1, 1, EPOCH + 600.0, -1)
    assert row.first is not None
    assert row.first.startswith(b"udp\t192.0.2.1\t5060\t192.0.2.7\t5062\r\nSUBSCRIBE sip:alice@")
    assert row.last is None


def test_a_refusal_and_a_fetch_for_all_states_leave_no_row() -> None:
    """There is nothing to come back to."""
    lives = Lives()
    lives.book.receive(_subscribe(1, expires=b"0"))
    stranger: dict[str, bytes | None] = {"from": b"<sip:mallory@example.com>;tag=m"}
    lives.book.receive(_subscribe(2, 1, b"", **stranger))
    lives.book.pass_time(60.0)
    assert not lives.store.rows


def test_refreshes_are_written_together_a_second_later() -> None:
    """One write for all of them; only what is new of each."""
    lives = Lives()
    responses = [_subscribed(lives, number) for number in (1, 2)]
    lives.book.pass_time(DELAY)
    lives.store.written.clear()
    lives.book.pass_time(100.0)
    for response in responses:
        _refresh(lives, response, 2)
    assert not lives.store.written
    lives.book.pass_time(DELAY)
    assert [(row.row, row.cseq, row.first, row.last) for row in lives.store.written] == [
        (1, 2, None, None),
        (2, 2, None, None),
    ]
    assert {row.deadline for row in lives.store.written} == {EPOCH + 100.0 + DELAY + 600.0}
    assert lives.book.notifier.counts["rows_written"] == 2


def test_a_refresh_that_says_something_new_is_kept_as_it_came() -> None:
    """Another Contact, another software, another condition."""
    lives = Lives()
    response = _subscribed(lives)
    lives.book.pass_time(DELAY)
    for cseq, change in enumerate(
        (
            {"contact": b"<sip:alice@192.0.2.7:5099>"},
            {"contact": b"<sip:alice@192.0.2.7:5099>", "user_agent": b"newer"},
            {"user_agent": b"newer", "suppress_if_match": b"*"},
        ),
        2,
    ):
        _refresh(lives, response, cseq, **change)
        lives.book.pass_time(DELAY)
        last = lives.store.written[-1].last
        assert last is not None
        assert b"\r\ncseq: %d SUBSCRIBE" % cseq in last
    _refresh(lives, response, 5, user_agent=b"newer", suppress_if_match=b"*")
    lives.book.pass_time(DELAY)
    assert lives.store.written[-1].last is None


def test_a_set_in_a_dialog_has_its_row_stored_with_it() -> None:
    """Both or neither, so that a repeat is known."""
    lives = Lives()
    response = _subscribed(lives)
    lives.book.pass_time(DELAY)
    lives.store.written.clear()
    _refresh(lives, response, 2, body=DND_ON)
    assert lives.store.rows[1].cseq == 2
    lives.book.pass_time(DELAY)
    assert not lives.store.written


def test_many_marks_do_not_wait() -> None:
    """What a crash may lose is bounded by number, too."""
    lives = Lives()
    responses = [_subscribed(lives, number) for number in range(AT_ONCE)]
    lives.book.pass_time(DELAY)
    lives.store.written.clear()
    for response in responses:
        _refresh(lives, response, 2)
    assert len(lives.store.written) == AT_ONCE


def test_what_was_not_written_is_written_later() -> None:
    """With what is newer by then; the count shows that the disk is in trouble."""
    lives = Lives()
    response = _subscribed(lives)
    lives.book.pass_time(DELAY)
    lives.store.is_failing = True
    _refresh(lives, response, 2, contact=b"<sip:alice@192.0.2.7:5099>")
    lives.book.pass_time(DELAY)
    assert lives.book.notifier.counts["rows_failed"] == 1
    _refresh(lives, response, 3, contact=b"<sip:alice@192.0.2.7:5099>")
    lives.store.is_failing = False
    lives.book.pass_time(DELAY)
    assert lives.store.rows[1].cseq == 1, "a disk in trouble is not asked each second"
    lives.book.pass_time(AGAIN)
    row = lives.store.rows[1]
    assert row.cseq == 3
    assert row.last is not None
    assert b"5099" in row.last


def test_a_write_under_way_is_looked_after_though_no_message_comes() -> None:
    """It may fail, and nobody asks when to try again: the row of a quiet phone would stay old."""
    lives = Lives()
    response = _subscribed(lives)
    lives.book.pass_time(DELAY)
    lives.store.held = []
    _refresh(lives, response, 2)
    lives.book.pass_time(DELAY)
    assert len(lives.store.held) == 1
    deadline = lives.book.notifier.next_deadline()
    assert deadline is not None
    assert deadline <= lives.book.now + DELAY


def test_one_write_is_under_way_at_a_time() -> None:
    """A slow disk gets what has gathered meanwhile."""
    lives = Lives()
    response = _subscribed(lives)
    lives.book.pass_time(DELAY)
    lives.store.held = []
    _refresh(lives, response, 2)
    lives.book.pass_time(DELAY)
    _refresh(lives, response, 3)
    lives.book.pass_time(DELAY)
    lives.book.pass_time(DELAY)
    assert len(lives.store.held) == 1
    lives.store.release()
    lives.book.pass_time(DELAY)
    assert lives.store.rows[1].cseq == 3


def test_an_end_removes_the_row_whatever_is_marked() -> None:
    """A second later at most."""
    lives = Lives()
    response = _subscribed(lives)
    _refresh(lives, response, 2)
    _refresh(lives, response, 3, expires=b"0")
    lives.book.pass_time(DELAY)
    assert not lives.store.rows
    assert lives.book.notifier.counts["rows_removed"] == 1


def test_nothing_is_left_of_one_that_ends_while_it_reserves_a_term() -> None:
    """Its row was to be written, and is now one to know a repeat by."""
    lives = Lives()
    response = _subscribed(lives)
    lives.book.pass_time(DELAY)
    lives.store.held = []
    (subscription,) = lives.book.notifier.subscriptions
    subscription.dialog.local_cseq = 1023
    _refresh(lives, response, 2)
    kept = lives.book.notifier._kept
    assert kept is not None
    assert kept._reserving
    _refresh(lives, response, 3, DND_ON, expires=b"0")
    assert not kept._reserving


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails for days must not fill the memory; what is dropped is counted."""
    monkeypatch.setattr(module, "MESSAGES", 1)
    monkeypatch.setattr(module, "GONE", 1)
    lives = Lives()
    responses = [_subscribed(lives, number) for number in (1, 2, 3)]
    lives.book.pass_time(DELAY)
    lives.store.is_failing = True
    for response in responses[:2]:
        _refresh(lives, response, 2, user_agent=b"newer")
    assert lives.book.notifier.counts["rows_dropped"] == 1
    _refresh(lives, responses[2], 2, expires=b"0")
    _refresh(lives, responses[0], 3, expires=b"0", user_agent=b"newer")
    assert lives.book.notifier.counts["rows_dropped"] == 2


def test_a_set_that_was_refused_is_not_granted_when_it_comes_again() -> None:
    """Its row says so, in the next life, too."""
    lives = Lives()
    response = _subscribed(lives)
    lives.store.is_refusing = True
    refused = _refresh(lives, response, 2, body=DND_ON)
    assert refused[0].status == 503
    lives.store.is_refusing = False
    lives.book.pass_time(40.0)
    again = _refresh(lives, response, 2, body=DND_ON)
    assert again[0].status == 500
    lives.crash()
    again = _refresh(lives, response, 2, body=DND_ON)
    assert again[0].status == 500


def test_rest_writes_everything_and_sends_nothing() -> None:
    """The server stops."""
    lives = Lives()
    responses = [_subscribed(lives, number) for number in range(3)]
    lives.book.pass_time(DELAY)
    for response in responses:
        _refresh(lives, response, 2)
    lives.book.notifier.rest(lives.book.now)
    assert {row.cseq for row in lives.store.rows.values()} == {2}
    assert lives.book.sent() == []


def test_each_row_says_when_it_was_written() -> None:
    """A restart looks at the latest before it serves anybody, also at those of fetches."""
    lives = Lives()
    lives.book.pass_time(5.0)
    lives.book.receive(_subscribe(1, body=DND_ON, expires=b"0"))
    lives.book.receive(_subscribe(2))
    times = [rows.written_at(row.flags) for row in lives.store.rows.values()]
    assert times == [EPOCH + 5.0, EPOCH + 5.0]
