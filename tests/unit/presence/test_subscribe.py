"""SUBSCRIBEs that come again, and those about whom nothing is known yet."""

from collections.abc import Sequence

import pytest

from dfks_rules.errors import StoreError
from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.presence import subscribe as module
from dfks_rules.service.ports import Fetched
from dfks_rules.store.memory import MemoryStore
from tests.helpers.playbook import DND_ON, Playbook, Sent, default_policies, message, tag_of
from tests.helpers.policy import ALICE

DND_OFF = DND_ON.replace(b"true", b"false")


def _subscribe(branch: bytes, cseq: int = 1, body: bytes = b"", **changes: bytes | None) -> bytes:
    via = b"SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bK" + branch
    return message(b"SUBSCRIBE", body, via=via, cseq=b"%d SUBSCRIBE" % cseq, **changes)


def _confirmed(book: Playbook, data: bytes) -> Sent:
    response, *notifies = book.receive(data)
    for notify in notifies:
        book.answer(notify)
    return response


def test_our_tag_is_the_same_for_the_same_subscribe_and_another_for_any_other() -> None:
    """So a repeat finds its dialog, whoever has forgotten its transaction."""
    tags = set()
    for change in (
        {},
        {"call_id": b"call-2"},
        {"from": b"<sip:alice@example.com>;tag=other"},
        {"event": b"as-feature-event;id=1"},
        {"cseq": b"2 SUBSCRIBE"},
    ):
        first = Playbook(default_policies()).receive(message(**change))[0]
        again = Playbook(default_policies()).receive(message(**change))[0]
        assert tag_of(first) == tag_of(again)
        tags.add(tag_of(first))
    assert len(tags) == 5


def test_a_set_that_comes_again_when_its_transaction_is_forgotten_is_not_applied() -> None:
    """A repeat is told what holds now; what others did meanwhile stays."""
    book = Playbook(default_policies())
    response = _confirmed(book, _subscribe(b"1"))
    to = response.headers[b"To"]
    _confirmed(book, _subscribe(b"2", 2, DND_ON, to=to))
    book.pass_time(40.0)
    other = _confirmed(book, _subscribe(b"o1", call_id=b"call-2"))
    for notify in book.receive(
        _subscribe(b"o2", 2, DND_OFF, call_id=b"call-2", to=other.headers[b"To"])
    ):
        if notify.status == 0:
            book.answer(notify)
    answer, notify = book.receive(_subscribe(b"2", 2, DND_ON, to=to))
    assert answer.status == 200
    assert b"<doNotDisturbOn>false<" in notify.body
    assert book.notifier.counts["requests_repeated"] == 1


def test_a_first_subscribe_that_comes_again_by_another_branch_has_the_same_dialog() -> None:
    """There is one subscription."""
    book = Playbook(default_policies())
    first = _confirmed(book, _subscribe(b"1"))
    book.pass_time(40.0)
    again = _confirmed(book, _subscribe(b"2"))
    assert tag_of(first) == tag_of(again)
    assert len(book.notifier.subscriptions) == 1


class _Slow(MemoryStore):
    """Knows nobody until it is told to."""

    def __init__(self) -> None:
        super().__init__(lambda: 0.0)
        self.is_known = False
        self.waiting: list[Fetched] = []

    def known(self, presentity: Aor) -> Snapshot | None:  # type: ignore[override]
        return super().known(presentity) if self.is_known else None

    def fetch(self, presentities: Sequence[Aor], done: Fetched) -> None:
        self.waiting.append(done)

    def end(self, error: StoreError | None = None) -> None:
        """Tell everybody who waits."""
        self.is_known = error is None
        waiting, self.waiting = self.waiting, []
        for done in waiting:
            done(error, 0.0)


def test_a_subscribe_about_somebody_unknown_is_served_once_the_store_knows() -> None:
    """Repeats meanwhile are ignored: it is answered once."""
    store = _Slow()
    book = Playbook(default_policies(), store=store)
    assert book.receive(message()) == []
    assert book.receive(message()) == []
    assert len(store.waiting) == 1
    store.end()
    assert [one.status for one in book.sent()] == [200, 0]
    assert len(book.notifier.subscriptions.of(ALICE)) == 1


def test_of_two_copies_that_wait_for_the_store_one_is_served() -> None:
    """They came by different ways: RFC 3261 §8.2.2.2."""
    store = _Slow()
    book = Playbook(default_policies(), store=store)
    for branch in (b"1", b"2"):
        assert book.receive(_subscribe(branch)) == []
    store.end()
    assert [one.status for one in book.sent()] == [200, 0, 482]
    assert len(book.notifier.subscriptions.of(ALICE)) == 1


def test_a_store_that_cannot_find_out_is_answered_503() -> None:
    """And the next time it is asked again."""
    store = _Slow()
    book = Playbook(default_policies(), store=store)
    book.receive(message())
    store.end(StoreError("store_unavailable", "broken"))
    (response,) = book.sent()
    assert (response.status, response.headers[b"Retry-After"]) == (503, b"10")
    book.receive(message())
    assert len(store.waiting) == 1


def test_those_who_wait_for_the_store_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that hangs must not fill the memory."""
    monkeypatch.setattr(module, "FETCHING", 1)
    book = Playbook(default_policies(), store=_Slow())
    assert book.receive(_subscribe(b"1")) == []
    (response,) = book.receive(_subscribe(b"2", call_id=b"call-2"))
    assert response.status == 503
