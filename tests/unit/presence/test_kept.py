"""The rows of subscriptions: when they are written."""

from dfks_rules.presence import rows
from dfks_rules.presence.behind import DELAY
from tests.helpers.lives import EPOCH, Lives, refresh, subscribe, subscribed
from tests.helpers.playbook import DND_ON


def test_a_subscription_has_its_row_when_it_is_answered() -> None:
    """What phones were promised is durable."""
    lives = Lives()
    lives.book.receive(subscribe(1))
    (row,) = lives.store.rows.values()
    assert (row.row, row.cseq, row.deadline, row.base) == (1, 1, EPOCH + 600.0, -1)
    assert row.first is not None
    assert row.first.startswith(b"udp\t192.0.2.1\t5060\t192.0.2.7\t5062\r\nSUBSCRIBE sip:alice@")
    assert row.last is None


def test_a_refusal_and_a_fetch_for_all_states_leave_no_row() -> None:
    """There is nothing to come back to."""
    lives = Lives()
    lives.book.receive(subscribe(1, expires=b"0"))
    stranger: dict[str, bytes | None] = {"from": b"<sip:mallory@example.com>;tag=m"}
    lives.book.receive(subscribe(2, 1, b"", **stranger))
    lives.book.pass_time(60.0)
    assert not lives.store.rows


def test_refreshes_are_written_together_a_second_later() -> None:
    """One write for all of them; only what is new of each."""
    lives = Lives()
    responses = [subscribed(lives, number) for number in (1, 2)]
    lives.book.pass_time(DELAY)
    lives.store.written.clear()
    lives.book.pass_time(100.0)
    for response in responses:
        refresh(lives, response, 2)
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
    response = subscribed(lives)
    lives.book.pass_time(DELAY)
    for cseq, change in enumerate(
        (
            {"contact": b"<sip:alice@192.0.2.7:5099>"},
            {"contact": b"<sip:alice@192.0.2.7:5099>", "user_agent": b"newer"},
            {"user_agent": b"newer", "suppress_if_match": b"*"},
        ),
        2,
    ):
        refresh(lives, response, cseq, **change)
        lives.book.pass_time(DELAY)
        last = lives.store.written[-1].last
        assert last is not None
        assert b"\r\ncseq: %d SUBSCRIBE" % cseq in last
    refresh(lives, response, 5, user_agent=b"newer", suppress_if_match=b"*")
    lives.book.pass_time(DELAY)
    assert lives.store.written[-1].last is None


def test_a_set_in_a_dialog_has_its_row_stored_with_it() -> None:
    """Both or neither, so that a repeat is known."""
    lives = Lives()
    response = subscribed(lives)
    lives.book.pass_time(DELAY)
    lives.store.written.clear()
    refresh(lives, response, 2, body=DND_ON)
    assert lives.store.rows[1].cseq == 2
    lives.book.pass_time(DELAY)
    assert not lives.store.written


def test_an_end_removes_the_row_whatever_is_marked() -> None:
    """A second later at most."""
    lives = Lives()
    response = subscribed(lives)
    refresh(lives, response, 2)
    refresh(lives, response, 3, expires=b"0")
    lives.book.pass_time(DELAY)
    assert not lives.store.rows
    assert lives.book.notifier.counts["rows_removed"] == 1


def test_a_set_that_was_refused_is_not_granted_when_it_comes_again() -> None:
    """Its row says so, in the next life, too."""
    lives = Lives()
    response = subscribed(lives)
    lives.store.is_refusing = True
    refused = refresh(lives, response, 2, body=DND_ON)
    assert refused[0].status == 503
    lives.store.is_refusing = False
    lives.book.pass_time(40.0)
    again = refresh(lives, response, 2, body=DND_ON)
    assert again[0].status == 500
    lives.crash()
    again = refresh(lives, response, 2, body=DND_ON)
    assert again[0].status == 500


def test_rest_writes_everything_and_sends_nothing() -> None:
    """The server stops."""
    lives = Lives()
    responses = [subscribed(lives, number) for number in range(3)]
    lives.book.pass_time(DELAY)
    for response in responses:
        refresh(lives, response, 2)
    lives.book.notifier.rest(lives.book.now)
    assert {row.cseq for row in lives.store.rows.values()} == {2}
    assert lives.book.sent() == []


def test_each_row_says_when_it_was_written() -> None:
    """A restart looks at the latest before it serves anybody, also at those of fetches."""
    lives = Lives()
    lives.book.pass_time(5.0)
    lives.book.receive(subscribe(1, body=DND_ON, expires=b"0"))
    lives.book.receive(subscribe(2))
    times = [rows.written_at(row.flags) for row in lives.store.rows.values()]
    assert times == [EPOCH + 5.0, EPOCH + 5.0]
