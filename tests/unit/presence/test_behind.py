"""Rows that are written behind: when, and how many."""

import pytest

from dfks_rules.presence import behind as module
from dfks_rules.presence.behind import AGAIN, AT_ONCE, DELAY
from tests.helpers.lives import Lives, refresh, subscribed
from tests.helpers.playbook import DND_ON


def test_many_marks_do_not_wait() -> None:
    """What a crash may lose is bounded by number, too."""
    lives = Lives()
    responses = [subscribed(lives, number) for number in range(AT_ONCE)]
    lives.book.pass_time(DELAY)
    lives.store.written.clear()
    for response in responses:
        refresh(lives, response, 2)
    assert len(lives.store.written) == AT_ONCE


def test_what_was_not_written_is_written_later() -> None:
    """With what is newer by then; the count shows that the disk is in trouble."""
    lives = Lives()
    response = subscribed(lives)
    lives.book.pass_time(DELAY)
    lives.store.is_failing = True
    refresh(lives, response, 2, contact=b"<sip:alice@192.0.2.7:5099>")
    lives.book.pass_time(DELAY)
    assert lives.book.notifier.counts["rows_failed"] == 1
    refresh(lives, response, 3, contact=b"<sip:alice@192.0.2.7:5099>")
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
    response = subscribed(lives)
    lives.book.pass_time(DELAY)
    lives.store.held = []
    refresh(lives, response, 2)
    lives.book.pass_time(DELAY)
    assert len(lives.store.held) == 1
    deadline = lives.book.notifier.next_deadline()
    assert deadline is not None
    assert deadline <= lives.book.now + DELAY


def test_one_write_is_under_way_at_a_time() -> None:
    """A slow disk gets what has gathered meanwhile."""
    lives = Lives()
    response = subscribed(lives)
    lives.book.pass_time(DELAY)
    lives.store.held = []
    refresh(lives, response, 2)
    lives.book.pass_time(DELAY)
    refresh(lives, response, 3)
    lives.book.pass_time(DELAY)
    lives.book.pass_time(DELAY)
    assert len(lives.store.held) == 1
    lives.store.release()
    lives.book.pass_time(DELAY)
    assert lives.store.rows[1].cseq == 3


def test_nothing_is_left_of_one_that_ends_while_it_reserves_a_term() -> None:
    """Its row was to be written, and is now one to know a repeat by."""
    lives = Lives()
    response = subscribed(lives)
    lives.book.pass_time(DELAY)
    lives.store.held = []
    (subscription,) = lives.book.notifier.subscriptions
    subscription.dialog.local_cseq = 1023
    refresh(lives, response, 2)
    kept = lives.book.notifier._kept
    assert kept is not None
    assert kept._behind._reserving
    refresh(lives, response, 3, DND_ON, expires=b"0")
    assert not kept._behind._reserving


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that fails for days must not fill the memory; what is dropped is counted."""
    monkeypatch.setattr(module, "MESSAGES", 1)
    monkeypatch.setattr(module, "GONE", 1)
    lives = Lives()
    responses = [subscribed(lives, number) for number in (1, 2, 3)]
    lives.book.pass_time(DELAY)
    lives.store.is_failing = True
    for response in responses[:2]:
        refresh(lives, response, 2, user_agent=b"newer")
    assert lives.book.notifier.counts["rows_dropped"] == 1
    refresh(lives, responses[2], 2, expires=b"0")
    refresh(lives, responses[0], 3, expires=b"0", user_agent=b"newer")
    assert lives.book.notifier.counts["rows_dropped"] == 2
