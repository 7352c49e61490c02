"""Nobody is hit by us: what an address is sent that has not shown that it wants it."""

from itertools import count

import pytest

from dfks_rules.model.features import FeatureState
from dfks_rules.model.identity import AuthMethod, Identity
from dfks_rules.model.requests import Asked
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.presence import guard as module
from dfks_rules.presence.counts import new_counts
from dfks_rules.presence.guard import Guard
from dfks_rules.presence.logins import Logins
from dfks_rules.presence.package import Limits, SubscriptionLimits
from dfks_rules.presence.proof import DIALOGS_PER_HOST, Proof
from dfks_rules.presence.subscription import State, Subscription
from dfks_rules.sip.dialog import Dialog
from dfks_rules.sip.digest import Algorithm, ha1_of
from dfks_rules.sip.digest_client import Secret
from dfks_rules.sip.flow import Flow, Listener
from tests.helpers.digest import Phone, gate, incoming
from tests.helpers.playbook import DND_ON, FLOW, LISTENER, Playbook, Sent, default_policies, message
from tests.helpers.policy import ALICE, CFA, DND, NOON, OPERATOR, policies
from tests.helpers.states import forwarding
from tests.helpers.ways import FakeWays

_NUMBER = count(1)
_VICTIM = b"<sip:v@198.51.100.9:5060>"
_THERE = Flow(LISTENER, ("198.51.100.9", 5060))
_CHALLENGE = b'WWW-Authenticate: Digest realm="%b", nonce="n"\r\n'
_TCP = Flow(Listener("tcp", "192.0.2.1", 5060), ("192.0.2.7", 40_000), 1)


def _book(
    limits: SubscriptionLimits | None = None, rules: PolicySet | None = None, **rest: object
) -> Playbook:
    """A server that has just started."""
    all_limits = Limits(subscriptions=limits or SubscriptionLimits())
    return Playbook(rules or default_policies(), all_limits, strangers=True, **rest)  # type: ignore[arg-type]


def _new(body: bytes = b"", **changes: bytes | None) -> bytes:
    """A SUBSCRIBE that makes a new dialog."""
    number = next(_NUMBER)
    via = b"SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bKnew%d" % number
    usual: dict[str, bytes | None] = {"call_id": b"call-%d" % number, "via": via}
    return message(b"SUBSCRIBE", body, **usual | changes)


def _again(response: Sent, cseq: int, body: bytes = b"", **changes: bytes | None) -> bytes:
    """A SUBSCRIBE in the dialog that a response made."""
    headers = {"call_id": response.headers[b"Call-ID"], "to": response.headers[b"To"]}
    return _new(body, cseq=b"%d SUBSCRIBE" % cseq, **headers, **changes)


def _later(book: Playbook, seconds: float) -> list[Sent]:
    """What is sent meanwhile."""
    return [one for _ in range(int(seconds * 2)) for one in book.pass_time(0.5)]


def _set(book: Playbook, on: bool = True) -> list[Sent]:
    """An operator sets Alice's DND."""
    asked = [Asked(DND, FeatureState(on))]
    book.features.set(ALICE, asked, OPERATOR, NOON, book.now, lambda *_: None)
    return book.sent()


def _only(book: Playbook) -> Subscription:
    (subscription,) = book.notifier.subscriptions
    return subscription


# --- What an unproved address is sent ---


@pytest.mark.parametrize("expires", [b"600", b"0", b"86400"])
def test_an_address_that_never_answers_gets_three_datagrams_with_the_200(expires: bytes) -> None:
    """Before: 11 NOTIFYs for a fetch of 328 bytes, and again every ten minutes for the others."""
    book = _book()
    sent = book.receive(_new(expires=expires)) + _set(book) + _later(book, 700)
    assert [one.status for one in sent] == [200, 0, 0]
    assert {one.flow.remote[0] for one in sent} == {"192.0.2.7"}
    assert sent[1] == sent[2]
    held = {b"600": 2, b"86400": 1, b"0": 0}
    assert book.notifier.counts["notify_held"] == held[expires], "the change, and the last one"


def test_changes_wait_and_are_sent_as_soon_as_the_address_is_proved() -> None:
    """By an answer to its NOTIFY, however late."""
    book = _book()
    _, notify = book.receive(_new())
    assert _set(book) == []
    (change,) = book.answer(notify)
    assert b"<doNotDisturbOn>true" in change.body
    assert _only(book).proof is Proof.PROVED
    assert book.notifier.counts["contacts_proved"] == 1
    assert book.answer(change) == []
    assert len(_set(book, on=False)) == 1
    assert len(_later(book, 32)) == 10, "and is repeated as RFC 3261 has it"


def test_a_phone_whose_first_notifies_were_lost_is_proved_by_its_next_subscribe() -> None:
    """Our tag, which it uses, was sent to its address alone. It gets everything that waited."""
    book = _book()
    response, _ = book.receive(_new())
    _later(book, 100)
    assert _set(book) == []
    assert _only(book).proof is Proof.UNPROVED
    ok, notify = book.receive(_again(response, 2))
    assert (ok.status, b"<doNotDisturbOn>true" in notify.body) == (200, True)
    assert len(_later(book, 32)) == 10


_QUIET = "- {id: quiet, when: {op: get}, then: {notify: false}}"


def test_what_waited_is_sent_though_the_answer_says_nothing() -> None:
    """A rule that gives the phone no NOTIFY does not keep changes from it."""
    book = _book(rules=policies(_QUIET))
    (response,) = book.receive(_new())
    assert len(_set(book) + _later(book, 40)) == 2, "the first NOTIFY may be a change"
    assert _set(book, on=False) == []
    assert [one.status for one in book.receive(_again(response, 2))] == [200]
    (change,) = _later(book, 2)[:1]
    assert b"<doNotDisturbOn>false" in change.body


def test_a_change_is_the_first_notify_of_ten_dialogs_of_a_host() -> None:
    """Else those that were made one after another would all be told of it at once."""
    book = _book(rules=policies(_QUIET))
    for number in range(DIALOGS_PER_HOST + 5):
        book.receive(_new())
        if number % 10 == 9:
            _later(book, 32)
    _later(book, 32)
    assert len(_set(book)) == DIALOGS_PER_HOST
    assert book.notifier.counts["notify_held"] == 5
    _later(book, 32)
    told = _set(book, on=False)
    assert len(told) == 5
    assert all(b"<doNotDisturbOn>false" in one.body for one in told)


def test_a_set_in_the_dialog_takes_along_what_waited() -> None:
    """The newest value wins."""
    book = _book()
    response, _ = book.receive(_new())
    _later(book, 40)
    _set(book, on=True)
    body = DND_ON.replace(b"true", b"false")
    _, notify = book.receive(_again(response, 2, body))
    assert b"<doNotDisturbOn>false" in notify.body
    assert notify.body.count(b"<ForwardingEvent") == 3


def test_a_retransmitted_request_is_answered_once_each_time() -> None:
    """One datagram for one, and no further NOTIFY."""
    book = _book()
    request = _new()
    book.receive(request)
    assert [one.status for _ in range(5) for one in book.receive(request)] == [200] * 5


def test_an_unproved_subscription_ends_in_silence() -> None:
    """At its deadline, and when the server stops."""
    book = _book()
    book.receive(_new())
    _later(book, 40)
    assert _later(book, 600) == []
    assert len(book.notifier.subscriptions) == 0
    book.receive(_new())
    _later(book, 40)
    book.notifier.deactivate(book.now, 10)
    assert book.sent() == []


def test_a_large_state_follows_once_the_address_is_proved() -> None:
    """Whoever forges 330 bytes must not have us send many times as much."""
    book = _book()
    asked = [Asked(CFA, forwarding(True, "x" * 480))]
    book.features.set(ALICE, asked, OPERATOR, NOON, book.now, lambda *_: None)
    named = DND_ON.replace(b"<device/>", b"<device>%b</device>" % (b"d" * 400))
    response, notify = book.receive(_new(named))
    assert (response.status, notify.body) == (200, b"")
    (full,) = book.answer(notify)
    assert full.body.count(b"x" * 480) == 1
    assert full.body.count(b"d" * 400) == 4


# --- What proves it ---


@pytest.mark.parametrize(
    ("status", "extra", "proof", "is_remembered"),
    [
        (200, b"", Proof.PROVED, True),
        (401, _CHALLENGE % b"pbx", Proof.PROVED, False),
        (401, _CHALLENGE % b"strange", Proof.UNPROVED, False),
        (407, b"", Proof.UNPROVED, False),
        (503, b"Retry-After: 5\r\n", Proof.UNPROVED, False),
        (408, b"", Proof.UNPROVED, False),
    ],
)
def test_an_answer_proves_if_it_wants_more(
    status: int, extra: bytes, proof: Proof, is_remembered: bool
) -> None:
    """An overloaded server that never asked for anything answers, too; a proxy challenges it."""
    secrets = {b"pbx": Secret(b"keys", {Algorithm.MD5: ha1_of(Algorithm.MD5, "k", "pbx", "s")})}
    book = _book(logins=Logins(secrets, lambda: b"cnonce"))
    _, notify = book.receive(_new())
    book.answer(notify, status, extra)
    assert _only(book).proof is proof
    assert book.notifier.guard.contacts.has(FLOW) is is_remembered


def test_an_error_does_not_make_room_for_the_next_forged_dialog() -> None:
    """A server that is hit answers 481 within a millisecond; that must not invite more."""
    book = _book()
    statuses = []
    for _ in range(DIALOGS_PER_HOST + 1):
        sent = book.receive(_new(contact=_VICTIM, expires=b"0"))
        for notify in sent[1:]:
            book.answer(notify, 481)
        statuses += [one.status for one in sent[:1]]
    assert statuses == [200] * DIALOGS_PER_HOST, "the last one waits"
    assert [one.status for one in book.pass_time(0.5) if one.status] == [503]


def test_a_fetch_that_is_accepted_proves_its_address_for_the_next_dialog() -> None:
    """As every NOTIFY that is."""
    book = _book()
    _, notify = book.receive(_new(expires=b"0"))
    book.answer(notify)
    book.receive(_new())
    assert _only(book).proof is Proof.PROVED


def test_our_tag_proves_nothing_if_somebody_else_knows_it() -> None:
    """An attacker subscribes from his own address, then forges the victim's."""
    book = _book()
    response, _ = book.receive(_new(contact=_VICTIM))
    sent = book.receive(_again(response, 2, contact=_VICTIM), _THERE)
    assert [one.status for one in sent] == [200]
    assert _only(book).proof is Proof.UNPROVED


def test_what_nothing_could_prove_ends_with_its_notify() -> None:
    """Its phone begins anew when it refreshes; nothing is left of forged ones."""
    book = _book()
    response, _ = book.receive(_new(contact=_VICTIM))
    _later(book, 32)
    assert len(book.notifier.subscriptions) == 0
    assert [one.status for one in book.receive(_again(response, 2, contact=_VICTIM))] == [481]


def test_a_phone_with_another_port_in_its_contact_is_proved_by_its_next_subscribe() -> None:
    """Many phones send from a port on which they do not listen."""
    book = _book()
    other = b"<sip:alice@192.0.2.7:5099>"
    response, _ = book.receive(_new(contact=other))
    ok, notify = book.receive(_again(response, 2, contact=other))
    assert (ok.status, notify.flow.remote) == (200, ("192.0.2.7", 5099))
    assert _only(book).proof is Proof.PROVED


def test_a_stream_proves_its_peer_and_is_told_for_as_long_as_it_answers_elsewhere() -> None:
    """When the stream has ended, a connection is opened to the Contact: once, if nobody answers."""
    book = _book()
    via = b"SIP/2.0/TCP 192.0.2.7:5062;branch=z9hG4bKtcp"
    book.receive(_new(via=via), _TCP)
    assert _only(book).proof is Proof.PROVED
    book = _book()
    _, notify = book.receive(_new(via=via, contact=_VICTIM), _TCP)
    assert _only(book).proof is Proof.ANSWERS
    book.answer(notify)
    assert len(_set(book)) == 1
    _later(book, 32)
    assert len(book.notifier.subscriptions) == 0


def test_a_contact_with_a_name_is_told_for_as_long_as_it_answers() -> None:
    """The name may lead to a victim the next moment."""
    book = _book()
    book.receive(_new(contact=b"<sip:alice@phone.example.com>"))
    (notify,) = book.locate(FLOW)
    book.answer(notify)
    assert _only(book).proof is Proof.ANSWERS
    assert _set(book) == []
    sent = book.locate(FLOW) + _later(book, 40)
    assert len(sent) == 2
    assert len(book.notifier.subscriptions) == 0


def test_ten_dialogs_of_one_address_are_told_whatever_names_it_has() -> None:
    """Whoever owns a domain can give any number of names to a victim."""
    book = _book()
    for number in range(12):
        via = b"SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bK%d" % number
        contact = b"<sip:a@n%d.example.com>" % number
        (response,) = book.receive(_new(call_id=b"n%d" % number, via=via, contact=contact))
        assert response.status == 200
    assert len(book.locate(Flow(LISTENER, ("198.51.100.9", 5060)))) == 10
    assert book.notifier.counts["notify_unreachable"] == 2


def test_ten_dialogs_of_one_address_are_told_though_their_names_were_answered_for() -> None:
    """An attacker answers for 12 names of his own, then has them lead to a victim."""
    book = _book()
    for number in range(12):
        book.receive(_new(contact=b"<sip:a@n%d.example.com>" % number))
        (notify,) = book.locate(FLOW)
        book.answer(notify)
    assert {one.proof for one in book.notifier.subscriptions} == {Proof.ANSWERS}
    _set(book)
    again = book.locate(FLOW)
    assert len(again) == 12, "where it has answered"
    for notify in again:
        book.answer(notify)
    _set(book, False)
    assert len(book.locate(_THERE)) == 10
    assert book.notifier.counts["notify_unreachable"] == 2


def test_a_name_whose_new_address_answers_is_told_on() -> None:
    """A proxy that fails over: its dialogs leave the ten as they are answered."""
    book = _book()
    for number in range(12):
        book.receive(_new(contact=b"<sip:a@n%d.example.com>" % number))
        (notify,) = book.locate(FLOW)
        book.answer(notify)
    _set(book)
    first, *rest = book.locate(_THERE)
    assert len(rest) == 9
    for notify in (first, *rest):
        book.answer(notify)
    _set(book, False)
    assert len(book.locate(_THERE)) == 10
    assert book.notifier.guard.contacts.has(_THERE)


def test_dead_names_do_not_take_the_place_of_others() -> None:
    """They counted as one host, so that ten of them kept every phone with a name out."""
    book = _book()
    for number in range(20):
        via = b"SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bK%d" % number
        contact = b"<sip:a@n%d.dead.example>" % number
        (response,) = book.receive(_new(call_id=b"n%d" % number, via=via, contact=contact))
        assert response.status == 200


def test_who_authenticates_is_proved_where_it_was_challenged() -> None:
    """And nowhere else: a user cannot have us hit others."""
    digest = gate()
    book = _book(gate=digest)
    for contact, proof in ((b"<sip:alice@192.0.2.7:5062>", Proof.PROVED), (_VICTIM, None)):
        phone = Phone("alice")
        (challenge,) = book.receive(_new())
        assert phone.take(challenge.headers[b"WWW-Authenticate"])
        line = phone.authorization(b"SUBSCRIBE", b"sip:alice@example.com")[15:].rstrip()
        forged = _new(contact=contact, authorization=line)
        (stale,) = book.receive(forged, _THERE)
        assert b"stale=true" in stale.headers[b"WWW-Authenticate"]
        book.receive(forged)
        assert {one.proof for one in book.notifier.subscriptions} >= {proof or Proof.UNPROVED}


# --- A dialog that moves ---


def test_a_dialog_may_move_to_an_address_that_answers() -> None:
    """RFC 3261 §12.2.2: a phone whose address has changed."""
    book = _book()
    response, notify = book.receive(_new())
    book.answer(notify)
    _, notify = book.receive(_again(response, 2, contact=_VICTIM), _THERE)
    assert _only(book).proof is Proof.UNPROVED
    assert _set(book) == []
    assert len(book.answer(notify)) == 1
    assert _only(book).proof is Proof.PROVED


def test_a_dialog_that_moves_to_who_does_not_answer_ends_after_two_notifies() -> None:
    """Else whoever has one dialog could lead its NOTIFYs to a victim."""
    book = _book()
    response, notify = book.receive(_new())
    book.answer(notify)
    sent = book.receive(_again(response, 2, contact=_VICTIM)) + _set(book) + _later(book, 700)
    there = [one for one in sent if one.flow.remote[0] == "198.51.100.9"]
    assert len(there) == 2
    assert len(book.notifier.subscriptions) == 0


def test_a_dialog_does_not_go_on_from_an_unproved_address() -> None:
    """481, and the phone makes another one; each address would get its share otherwise."""
    book = _book()
    response, _ = book.receive(_new())
    assert [one.status for one in book.receive(_again(response, 2, contact=_VICTIM))] == [481]
    assert len(book.notifier.subscriptions) == 0


def test_dialogs_that_move_count_for_the_limit_of_where_they_go() -> None:
    """Else the limit of a Contact held only for dialogs that began there: 180 went to one."""
    book = _book(SubscriptionLimits(per_contact=2))
    book.notifier.guard.contacts.add(_THERE)
    responses = []
    for port in (1, 2, 3):
        response, notify = book.receive(_new(contact=b"<sip:a@192.0.2.7:%d>" % port))
        book.answer(notify)
        responses.append(response)
    sent = [book.receive(_again(one, 2, contact=_VICTIM))[0].status for one in responses]
    assert sent == [200, 200, 481]
    assert book.notifier.counts["limit_subscriptions_per_contact"] == 1
    assert len(book.notifier.subscriptions) == 2
    (refused,) = book.receive(_new(contact=_VICTIM))
    assert refused.start == b"SIP/2.0 403 Too many subscriptions to this Contact"


def test_the_answer_to_an_old_notify_proves_nothing_of_a_new_address() -> None:
    """The old address answers while the new one is being told."""
    book = _book()
    response, notify = book.receive(_new())
    book.answer(notify)
    (change,) = _set(book)
    book.receive(_again(response, 2, contact=_VICTIM))
    assert book.answer(change) == []
    assert _only(book).proof is Proof.UNPROVED


def test_a_phone_behind_nat_whose_port_changes_stays_proved() -> None:
    """Our tag was sent to its host alone."""
    book = _book()
    response, _ = book.receive(_new())
    rebound = Flow(LISTENER, ("192.0.2.7", 6000))
    _, notify = book.receive(_again(response, 2, contact=b"<sip:a@192.0.2.7:6000>"), rebound)
    assert notify.flow.remote == ("192.0.2.7", 6000)
    assert _only(book).proof is Proof.PROVED


# --- How many ---


def test_a_host_has_ten_unproved_dialogs_and_the_next_is_refused() -> None:
    """On all ports together. It is refused after half a second, by what it can try again."""
    book = _book()
    for port in range(DIALOGS_PER_HOST):
        assert len(book.receive(_new(contact=b"<sip:v@198.51.100.9:%d>" % (port + 1)))) == 2
    assert book.receive(_new(contact=_VICTIM)) == []
    refused = [one for one in book.pass_time(0.5) if one.status]
    assert [one.start for one in refused] == [
        b"SIP/2.0 503 Too many unproved subscriptions at this address"
    ]
    assert refused[0].headers[b"Retry-After"] == b"5"
    counts = book.notifier.counts
    assert (counts["limit_unproved"], counts["refused_503"]) == (1, 1)
    assert len(book.receive(_new())) == 2, "others are served"
    _later(book, 32)
    assert len(book.receive(_new(contact=_VICTIM))) == 2, "and it again, after half a minute"


def test_all_phones_of_an_office_may_subscribe_at_once() -> None:
    """Each is served as soon as one before it has answered."""
    book = _book()
    waiting = [
        one
        for port in range(200)
        for one in book.receive(_new(contact=b"<sip:a@192.0.2.7:%d>" % (port + 6000)))
    ]
    assert len(waiting) == 2 * DIALOGS_PER_HOST
    served = 0
    while waiting:
        one = waiting.pop(0)
        if one.status:
            assert one.status == 200
        else:
            served += 1
            waiting += book.answer(one)
    assert served == 200
    assert book.notifier.next_deadline() is not None
    assert book.notifier.counts["limit_unproved"] == 0


def test_one_that_waits_is_served_once_though_it_comes_again() -> None:
    """Its phone repeats it after half a second."""
    book = _book()
    notifies = [book.receive(_new())[1] for _ in range(DIALOGS_PER_HOST)]
    request = _new()
    assert book.receive(request) + book.receive(request) == []
    assert [one.status for one in book.answer(notifies[0])] == [200, 0]
    assert [one.status for one in book.receive(request)] == [200]
    assert len(book.notifier.subscriptions) == DIALOGS_PER_HOST + 1


def test_of_two_copies_that_wait_one_is_served() -> None:
    """They came by different ways (RFC 3261 §8.2.2.2), and would have one tag."""
    book = _book()
    notifies = [book.receive(_new())[1] for _ in range(DIALOGS_PER_HOST)]
    for _ in range(2):
        assert book.receive(_new(call_id=b"once")) == []
    sent = book.answer(notifies[0]) + book.answer(notifies[1])
    assert [one.status for one in sent] == [200, 0, 482]


def test_a_limit_is_told_to_who_waited_when_its_turn_comes() -> None:
    """Each refusal has its own phrase."""
    book = _book(SubscriptionLimits(per_user=1))
    notifies = [book.receive(_new())[1] for _ in range(DIALOGS_PER_HOST)]
    assert book.receive(_new()) == []
    sent = book.answer(notifies[0])
    assert [one.start for one in sent] == [b"SIP/2.0 403 Too many subscriptions of this user"]
    assert book.notifier.counts["limit_subscriptions_per_user"] == 1


def test_unproved_subscriptions_count_for_no_limit_until_they_are_proved() -> None:
    """Whoever forges them keeps nobody out."""
    book = _book(SubscriptionLimits(in_all=1, per_user=1))
    first, second = (book.receive(_new())[1] for _ in range(2))
    book.answer(first)
    book.answer(second)
    proofs = [one.proof for one in book.notifier.subscriptions]
    assert proofs == [Proof.PROVED, Proof.UNPROVED], "others took the last place"
    assert [one.status for one in book.receive(_new())] == [503]


def test_an_unproved_subscription_is_refused_its_proof_where_a_limit_is_reached() -> None:
    """Else a phone could have any number, by not answering their first NOTIFYs."""
    book = _book(SubscriptionLimits(per_user=1))
    first, _ = book.receive(_new())
    _, notify = book.receive(_new())
    book.answer(notify)
    assert [one.status for one in book.receive(_again(first, 2))] == [403]
    proved = next(one for one in book.notifier.subscriptions if one.proof is Proof.PROVED)
    end = _new(
        call_id=proved.dialog.call_id,
        to=b"<sip:alice@example.com>;tag=%b" % proved.dialog.local_tag,
        cseq=b"2 SUBSCRIBE",
        expires=b"0",
    )
    assert [one.status for one in book.receive(end)] == [200, 0]
    assert [one.status for one in book.receive(_again(first, 3))] == [200, 0]


def test_what_is_refused_or_ends_leaves_its_place() -> None:
    """A set that a policy rejects makes no subscription."""
    rules = policies("- {id: no, when: {op: set}, then: {deny: {reason: no, answer: reject-403}}}")
    book = _book(SubscriptionLimits(in_all=1), rules)
    book.notifier.guard.contacts.add(FLOW)
    assert [one.status for one in book.receive(_new(), FLOW)[:1]] == [200]
    assert [one.status for one in book.receive(_new())] == [503]
    _later(book, 601)
    assert [one.status for one in book.receive(_new(DND_ON))] == [403]
    assert book.receive(_new())[0].status == 200


def test_the_oldest_unproved_subscription_is_forgotten_for_a_new_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Forged ones must not fill the memory, nor keep others out."""
    monkeypatch.setattr(module, "KEPT_UNPROVED", 2)
    book = _book()
    hosts = [b"<sip:v@198.51.100.%d>" % number for number in (1, 2, 3)]
    for host in hosts:
        book.receive(_new(contact=host))
    left = [one.dialog.contact for one in book.notifier.subscriptions]
    assert left == hosts[1:]
    assert book.notifier.guard.unproved == 2
    assert book.notifier.counts["ended_unanswered"] == 1


def test_a_proved_subscription_is_not_among_the_unproved() -> None:
    """What an operator counts."""
    book = _book()
    _, notify = book.receive(_new())
    assert book.notifier.guard.unproved == 1
    book.answer(notify)
    assert book.notifier.guard.unproved == 0
    assert _only(book).state is State.ACTIVE


def test_who_authenticates_is_told_through_the_operators_own_proxy() -> None:
    """All NOTIFYs go there; to prove it anew with each dialog would let in ten phones at a time."""
    proxied = FakeWays(proxy=b"sip:192.0.2.50;lr")
    alice = Identity(ALICE, AuthMethod.DIGEST, "alice")
    for incoming_flow, proof in ((FLOW, Proof.PROVED), (_TCP, Proof.PROVED)):
        asking = incoming(_new(), incoming_flow)
        dialog = Dialog(asking, b"tag", b"", proxied)
        guard = Guard(Limits(), new_counts())
        assert guard.proof_of(asking, dialog, alice) is proof
        unknown = Proof.UNPROVED if incoming_flow is FLOW else Proof.PROVED
        assert guard.proof_of(asking, dialog, None) is unknown
