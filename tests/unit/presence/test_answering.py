"""SUBSCRIBEs that were admitted: how they are answered."""

from dfks_rules.service.ports import Settle, Verdict, Wanted
from tests.helpers.lives import Lasting, Lives
from tests.helpers.playbook import DND_ON, message


class _Held(Lasting):
    """Commits are settled by the test."""

    def __init__(self) -> None:
        super().__init__()
        self.commits: list[tuple[Wanted, Settle]] = []

    def commit(self, wanted: Wanted, settle: Settle) -> None:
        self.commits.append((wanted, settle))

    def go_on(self) -> None:
        """Settle what waits."""
        commits, self.commits = self.commits, []
        for wanted, settle in commits:
            super().commit(wanted, settle)


def _lives() -> tuple[Lives, _Held]:
    lives = Lives()
    lives.store = store = _Held()
    lives.book = lives._begun()
    return lives, store


def test_what_makes_a_dialog_is_answered_when_its_row_is_durable() -> None:
    """Else a crash would break a promise."""
    lives, store = _lives()
    assert lives.book.receive(message()) == []
    ((wanted, _),) = store.commits
    assert (wanted.changes, wanted.visit is not None) == ((), True)
    store.go_on()
    assert [one.status for one in lives.book.sent()] == [200, 0]


def test_a_refresh_is_answered_at_once() -> None:
    """Nobody waits for a disk every half an hour."""
    lives, store = _lives()
    lives.book.receive(message())
    store.go_on()
    response, _ = lives.book.sent()
    refresh = message(
        cseq=b"2 SUBSCRIBE", via=b"SIP/2.0/UDP a;branch=z9hG4bK2", to=response.headers[b"To"]
    )
    assert [one.status for one in lives.book.receive(refresh)] == [200, 0]
    assert not store.commits


def test_sets_and_the_row_of_their_dialog_are_stored_together() -> None:
    """In one commit."""
    lives, store = _lives()
    lives.book.receive(message(body=DND_ON))
    ((wanted, _),) = store.commits
    assert len(wanted.changes) == 1
    assert wanted.visit is not None


def test_nothing_is_written_behind_that_is_older_than_the_row_of_a_set_under_way() -> None:
    """It would come after it, and the set would not be known when it comes again."""
    lives, store = _lives()
    lives.book.receive(message())
    store.go_on()
    response, _ = lives.book.sent()
    to = response.headers[b"To"]
    refresh = message(cseq=b"2 SUBSCRIBE", via=b"SIP/2.0/UDP a;branch=z9hG4bK2", to=to)
    lives.book.receive(refresh)
    press = message(body=DND_ON, cseq=b"3 SUBSCRIBE", via=b"SIP/2.0/UDP a;branch=z9hG4bK3", to=to)
    assert lives.book.receive(press) == []
    lives.book.pass_time(2.0)
    assert not store.written
    store.go_on()
    assert store.rows[1].cseq == 3
    lives.book.pass_time(2.0)
    assert [row.cseq for row in store.written] == [3]


def test_a_set_that_the_store_knows_is_answered_with_all_states() -> None:
    """The store has the last word on what came before."""
    lives, store = _lives()
    lives.book.receive(message())
    store.go_on()
    response, notify = lives.book.sent()
    lives.book.answer(notify)
    press = message(
        body=DND_ON,
        cseq=b"2 SUBSCRIBE",
        via=b"SIP/2.0/UDP a;branch=z9hG4bK2",
        to=response.headers[b"To"],
    )
    assert lives.book.receive(press) == []
    ((_, settle),) = store.commits
    settle(Verdict.REPEATED, None, 0.0)
    answer, notify = lives.book.sent()
    assert answer.status == 200
    assert notify.body.count(b"<ForwardingEvent") == 3
    assert b"<doNotDisturbOn>false<" in notify.body


def test_a_row_whose_commit_has_failed_is_not_left_behind() -> None:
    """It may have been stored all the same: then a repeat is known by it."""
    lives, store = _lives()
    lives.book.receive(message())
    ((wanted, settle),) = store.commits
    assert wanted.visit is not None
    store.rows[wanted.visit.row] = wanted.visit
    settle(Verdict.UNAVAILABLE, None, 0.0)
    (response,) = lives.book.sent()
    assert response.status == 503
    lives.book.pass_time(31.0)
    assert store.rows
    lives.book.pass_time(2.0)
    lives.book.pass_time(2.0)
    assert not store.rows
