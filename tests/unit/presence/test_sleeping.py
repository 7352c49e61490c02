"""Subscriptions as the bytes as which they sleep."""

from typing import Any

import pytest

from dfks_rules.model.identity import Aor
from dfks_rules.presence.display import Display
from dfks_rules.presence.gate import Gate
from dfks_rules.presence.naps import Naps
from dfks_rules.presence.proof import Proof
from dfks_rules.presence.sleeping import Sleeping
from dfks_rules.presence.subscription import Subscription
from dfks_rules.service.ports import DialogRow
from dfks_rules.sip.flow import Flow
from tests.helpers.digest import TRUSTED
from tests.helpers.lives import Lives, subscribe
from tests.helpers.playbook import DND_ON, FLOW, Playbook, default_policies, message
from tests.helpers.policy import ALICE, policies
from tests.helpers.subscription import active
from tests.helpers.ways import TCP, FakeWays

_OPEN = policies("  - {id: yes, when: {op: subscribe}, then: {allow: true}}")
"""Who watches whom does not matter."""


def _slots(one: object) -> dict[str, Any]:
    """Its fields; a compiled class has their names elsewhere."""
    names = [
        name
        for kind in type(one).__mro__
        for name in getattr(kind, "__mypyc_attrs__", getattr(kind, "__slots__", ()))
        if not name.startswith("__")
    ]
    assert len(names) > 10
    return {name: getattr(one, name) for name in names}


def _all_of(one: Subscription) -> dict[str, Any]:
    """Whatever there is of it."""
    of_it = _slots(one)
    return {**of_it, "dialog": _slots(of_it["dialog"])}


def _woken(one: Subscription) -> Subscription:
    sleeping = Sleeping(one.dialog._ways)
    assert one.is_resting
    return sleeping.wake(one.dialog.local_tag, sleeping.pack(one))


def _only(book: Playbook) -> Subscription:
    (one,) = book.notifier.subscriptions
    return one


@pytest.mark.parametrize(
    ("changes", "flow"),
    [
        ({}, FLOW),
        ({"event": b"as-feature-event;id=7", "user_agent": b"Phone/1 \xc3\xa9"}, FLOW),
        ({"contact": b'"A" <sip:a@192.0.2.7:5062>;expires=60'}, FLOW),
        ({"contact": b"sip:alice@192.0.2.7"}, FLOW),
        ({"record_route": b"<sip:192.0.2.9;lr>, <sip:192.0.2.10>"}, FLOW),
        ({"record_route": b"<sip:192.0.2.9>, <sip:192.0.2.10;lr>"}, FLOW),
        ({"record_route": b"<sip:edge.example.com;transport=tcp;lr>"}, FLOW),
        ({"contact": b"<sip:alice@phone.example.com>"}, FLOW),
        ({}, Flow(TCP, ("192.0.2.7", 5062), 7)),
        ({"suppress_if_match": b"*"}, FLOW),
        ({"from": b"<sip:bob@example.com>;tag=phone"}, FLOW),
        ({"p_asserted_identity": b"<sip:bob@example.com>"}, FLOW),
        ({"body": DND_ON.replace(b"<device/>", b"<device>desk</device>")}, FLOW),
    ],
)
def test_what_has_slept_is_as_it_was(changes: dict[str, Any], flow: Flow) -> None:
    """Every field, whatever the phone, its way and who it is."""
    lives = Lives(_OPEN, gate=Gate(None, TRUSTED))
    lives.ways.open.add(7)
    book = lives.book
    via = b"SIP/2.0/%b 192.0.2.7:5062;rport;branch=z9hG4bK1"
    head = {"via": via % flow.listener.transport.upper().encode(), **changes}
    for one in book.receive(message(**head), flow):
        if not one.status:
            book.answer(one)
    for one in book.locate(FLOW):
        book.answer(one)
    awake = _only(book)
    assert _all_of(_woken(awake)) == _all_of(awake)


def test_a_proof_that_depends_on_answers_a_refusal_and_a_count_are_kept() -> None:
    """They decide what becomes of it later."""
    book = Playbook(default_policies())
    response, notify = book.receive(message())
    book.answer(notify)
    one = _only(book)
    one.proved(Proof.ANSWERS, 0.0)
    one.is_refused, one.is_counted, one.row = True, False, 77
    woken = _woken(one)
    assert _all_of(woken) == _all_of(one)
    assert (woken.proof, woken.is_refused, woken.is_counted) == (Proof.ANSWERS, True, False)
    assert response.status == 200


def test_what_a_phone_shows_is_kept_beside() -> None:
    """It is of a few models only."""
    book = Playbook(default_policies())
    book.answer(book.receive(message())[1])
    one = _only(book)
    one.display = Display()
    assert _woken(one).display is one.display


def test_one_that_sleeps_is_small() -> None:
    """The first is what the others are compared with."""
    book = Playbook(default_policies())
    sleeping, packed = Sleeping(FakeWays()), b""
    for number in (1, 2):
        book.answer(book.receive(subscribe(number, user_agent=b"Phone/1.2.3 (desk)"))[1])
    for one in book.notifier.subscriptions:
        packed = sleeping.pack(one)
    tag = one.dialog.local_tag
    assert len(packed) < 100
    glance = sleeping.glance(packed)
    assert (glance.deadline, glance.scheduled_for, glance.row) == (600.0, 600.0, 0)
    assert sleeping.presentity_of(tag, packed) == ALICE
    moved = sleeping.scheduled(packed, 700.0)
    assert sleeping.glance(moved).scheduled_for == 700.0
    assert sleeping.presentity_of(tag, moved) == ALICE


def test_a_row_that_has_slept_is_as_it_was() -> None:
    """Whoever it is, and however little is known of it."""
    row = DialogRow(
        7, b"tag", Aor("zoë\udc80", "example.com"), 1e9, 3, -4, 1 << 40, b"first\r\n", None
    )
    sleeping = Sleeping(None)
    for one in (row, row._replace(first=None, last=b"l" * 4_000), row._replace(row=8)):
        packed = sleeping.pack_row(one, 600.0, 601.0, 2)
        assert (sleeping.row(b"tag", packed), sleeping.is_row(packed)) == (one, True)
        assert sleeping.glance(packed) == (600.0, 601.0, one.row, 2)
        assert sleeping.presentity_of(b"tag", packed) == one.presentity
    assert not sleeping.is_row(sleeping.pack(active(b"1")))


def test_rows_of_phones_alike_are_small() -> None:
    """After a restart there are as many as there were subscriptions."""
    lives = Lives()
    for number in (1, 2):
        lives.book.answer(lives.book.receive(subscribe(number))[1])
    sleeping = Sleeping(None)
    sizes = [len(sleeping.pack_row(one, 0.0, 0.0, 0)) for one in lives.store.rows.values()]
    assert sizes[1] < 100


def test_who_is_needed_stays_awake() -> None:
    """A NOTIFY that waits for its answer, one that failed, an address that has proved nothing."""
    book = Playbook(default_policies(), strangers=True)
    book.sleep_at_once()
    subscriptions = book.notifier.subscriptions
    _, notify = book.receive(message())
    assert subscriptions.asleep == 0
    book.answer(notify, 503)
    assert subscriptions.asleep == 0
    book = Playbook(default_policies())
    book.sleep_at_once()
    _, notify = book.receive(message())
    book.pass_time(1.0)
    assert book.notifier.subscriptions.asleep == 0
    book.answer(notify)
    for _ in range(2):
        book.pass_time(4.0)
    assert book.notifier.subscriptions.asleep == 1


def test_a_refresh_moves_the_deadline_of_one_that_sleeps_without_waking_it_twice() -> None:
    """The calendar has it where it was; it is looked at there without waking it."""
    book = Playbook(default_policies())
    book.sleep_at_once()
    response, notify = book.receive(message())
    book.answer(notify)
    book.pass_time(300.0)
    again = {"via": b"SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bK2", "cseq": b"2 SUBSCRIBE"}
    _, notify = book.receive(message(to=response.headers[b"To"], **again))
    book.answer(notify)
    for _ in range(3):
        book.pass_time(100.0)
    subscriptions = book.notifier.subscriptions
    assert (book.now, subscriptions.asleep) == (600.0, 1)
    assert subscriptions.next_deadline() == 900.0
    (ended,) = book.pass_time(300.0)
    assert ended.headers[b"Subscription-State"] == b"terminated;reason=timeout"
    assert (len(subscriptions), subscriptions.asleep) == (0, 0)


def test_those_that_sleep_are_listed_and_the_calendar_is_written_anew_with_them() -> None:
    """An operator's list wakes nobody."""
    book = Playbook(default_policies())
    book.sleep_at_once()
    for number in (1, 2):
        book.answer(book.receive(subscribe(number))[1])
    for _ in range(2):
        book.pass_time(10.0)
    subscriptions = book.notifier.subscriptions
    assert subscriptions.asleep == 2
    subscriptions._write_anew()
    found, place = subscriptions.listed(0, 0, 10)
    assert ([one[3] for one in found], place) == ([ALICE, ALICE], None)
    assert subscriptions.asleep == 2
    assert subscriptions.made() == []
    assert {one.presentity for one in subscriptions} == {ALICE}
    assert subscriptions.asleep == 0


def test_a_small_server_is_not_woken_to_have_somebody_sleep() -> None:
    """Its memory is of no interest."""
    book = Playbook(default_policies())
    book.answer(book.receive(message())[1])
    book.pass_time(100.0)
    book.pass_time(100.0)
    assert isinstance(book.notifier.subscriptions.awake, Naps)
    assert (book.notifier.subscriptions.asleep, book.notifier.next_deadline()) == (0, 600.0)
