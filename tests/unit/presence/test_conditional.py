"""Conditional notification: RFC 5839."""

import pytest

from dfks_rules.model.features import OFF, FeatureState
from dfks_rules.model.requests import Asked
from dfks_rules.presence.conditional import ANY, condition_of, knowledge_of, known_if, tag_of
from dfks_rules.presence.documents import Documents
from dfks_rules.presence.profile import Profile, Profiles
from dfks_rules.presence.responses import RefusedError
from dfks_rules.sip.message import Request, parse_message
from tests.helpers.playbook import DND_ON, Playbook, Sent, default_policies, message
from tests.helpers.playbook import tag_of as to_tag_of
from tests.helpers.policy import ALICE, CFA, DND, NOON, ON, OPERATOR, policies
from tests.helpers.states import forwarding

_OFF = DND_ON.replace(b"true", b"false")
_FULL: Documents = tuple((feature, ON) for feature in (DND, CFA))


def _request(*lines: bytes) -> Request:
    head = message().partition(b"\r\n\r\n")[0]
    request = parse_message(b"\r\n".join([head, *lines]) + b"\r\n\r\n")
    assert isinstance(request, Request)
    return request


@pytest.mark.parametrize(
    ("lines", "condition"),
    [
        ((), b""),
        ((b"Suppress-If-Match: *",), ANY),
        ((b"suppress-if-match :  b4cf7",), b"b4cf7"),
    ],
)
def test_a_condition_is_one_entity_tag_or_a_star(
    lines: tuple[bytes, ...], condition: bytes
) -> None:
    """RFC 5839 §7.3."""
    assert condition_of(_request(*lines)) == condition


@pytest.mark.parametrize(
    "lines",
    [
        (b"Suppress-If-Match:",),
        (b'Suppress-If-Match: "a"',),
        (b"Suppress-If-Match: a, b",),
        (b"Suppress-If-Match: a", b"Suppress-If-Match: b"),
    ],
)
def test_more_than_one_or_none_is_malformed(lines: tuple[bytes, ...]) -> None:
    """RFC 5839 §5.2: a single header field with an entity-tag."""
    with pytest.raises(RefusedError) as refused:
        condition_of(_request(*lines))
    assert refused.value.status == 400


def test_a_tag_is_a_token_that_names_all_that_a_notify_says() -> None:
    """RFC 5839 §4: another state, device or Event is another entity; `*` is never a tag."""
    tags = [
        tag_of(knowledge_of(documents), device, event_id)
        for documents in (
            (),
            ((DND, ON),),
            _FULL,
            ((CFA, ON),),
            ((CFA, forwarding(True, "1")),),
            ((CFA, forwarding(True, "2")),),
            ((CFA, forwarding(False, "2")),),
        )
        for device in ("alice", "desk")
        for event_id in (b"", b"1")
    ]
    assert len(set(tags)) == len(tags)
    assert all(condition_of(_request(b"Suppress-If-Match: " + tag)) == tag for tag in tags)


def test_a_tag_is_the_same_whichever_way_the_phone_learnt_the_states() -> None:
    """RFC 5839 §4, §6.4: it is that of the full state, also where a NOTIFY says a part of it."""
    first = knowledge_of(((DND, ON), (CFA, forwarding(True, "1"))))
    later = knowledge_of(((CFA, ON),), first)
    assert later == knowledge_of(_FULL) == knowledge_of(_FULL[::-1])
    assert knowledge_of((), first) == first


def test_a_condition_holds_for_the_states_of_now() -> None:
    """Where no NOTIFY is wanted by the policies there is no entity; `*` always holds."""
    knowledge = knowledge_of(_FULL)
    tag = tag_of(knowledge, "alice", b"")
    assert known_if(tag, _FULL, "alice", b"") == knowledge
    assert known_if(tag, _FULL, "desk", b"") == b""
    assert known_if(tag, ((DND, ON),), "alice", b"") == b""
    assert known_if(ANY, _FULL, "alice", b"") == knowledge
    assert known_if(tag_of(knowledge_of(()), "alice", b""), None, "alice", b"") == b""
    assert known_if(ANY, None, "alice", b"") != b""


# --- On the wire ---


def _book(rules: str | None = None, profiles: Profiles | None = None) -> Playbook:
    used = default_policies() if rules is None else policies(rules)
    return Playbook(used, profiles=profiles)


def _subscribe(number: int = 1, body: bytes = b"", **changes: bytes) -> bytes:
    return message(
        body=body,
        **{"from": b"<sip:alice@example.com>;tag=phone%d" % number},
        call_id=b"call-%d" % number,
        via=b"SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bKs%d" % number,
        **changes,
    )


def _again(response: Sent, number: int, body: bytes = b"", **changes: bytes) -> bytes:
    return message(
        body=body,
        to=response.headers[b"To"],
        call_id=response.headers[b"Call-ID"],
        cseq=b"%d SUBSCRIBE" % number,
        via=b"SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bK%d%b" % (number, to_tag_of(response)),
        **{"from": response.headers[b"From"], **changes},
    )


def _subscribed(book: Playbook, number: int = 1, **changes: bytes) -> tuple[Sent, bytes]:
    """A phone that has confirmed its first NOTIFY: its dialog, and its entity-tag."""
    response, notify = book.receive(_subscribe(number, **changes))
    book.answer(notify)
    return response, notify.headers[b"SIP-ETag"]


def test_a_refresh_whose_tag_is_current_is_answered_204_without_notify() -> None:
    """RFC 5839 §6.3: and the subscription is extended."""
    book = _book()
    dialog, tag = _subscribed(book)
    book.pass_time(300)
    (answer,) = book.receive(_again(dialog, 2, suppress_if_match=tag))
    assert answer.start == b"SIP/2.0 204 No Notification"
    assert (answer.headers[b"Expires"], b"Contact" in answer.headers) == (b"600", True)
    assert book.pass_time(599) == []
    assert len(book.notifier.subscriptions) == 1
    assert book.notifier.counts["notify_suppressed"] == 1


def test_a_refresh_with_another_tag_or_none_is_answered_as_ever() -> None:
    """RFC 5839 §5.2: if the condition is false, the notifier follows its default behaviour."""
    book = _book()
    dialog, tag = _subscribed(book)
    for number, condition in ((2, {"suppress_if_match": b"b4cf7"}), (3, {})):
        answer, notify = book.receive(_again(dialog, number, **condition))
        assert (answer.status, notify.headers[b"SIP-ETag"]) == (200, tag)
        assert notify.body
        book.answer(notify)


def test_the_tag_of_a_partial_notify_is_that_of_the_full_state() -> None:
    """RFC 5839 §6.4: whoever was told of each change need not be told again."""
    book = _book()
    dialog, first = _subscribed(book)
    other, _ = _subscribed(book, 2)
    sent = book.receive(_again(other, 2, DND_ON))
    tags = set()
    for notify in sent[1:]:
        assert notify.body.count(b"Event xmlns") == 1
        tags.add(notify.headers[b"SIP-ETag"])
        book.answer(notify)
    (tag,) = tags
    assert tag != first
    (answer,) = book.receive(_again(dialog, 2, suppress_if_match=tag))
    assert answer.status == 204
    _, full = book.receive(_again(dialog, 3, suppress_if_match=first))
    assert full.headers[b"SIP-ETag"] == tag
    assert full.body.count(b"Event xmlns") == 4


def test_a_phone_that_missed_a_change_back_is_not_taken_for_one_that_knows() -> None:
    """Off, on, off: what it saw last was on, whatever its first tag says."""
    book = _book()
    dialog, _ = _subscribed(book)
    other, _ = _subscribed(book, 2)
    _, own, heard = book.receive(_again(other, 2, DND_ON))
    book.answer(own)
    book.answer(heard)
    book.receive(_again(other, 3, _OFF))
    answer, notify = book.receive(_again(dialog, 2, suppress_if_match=heard.headers[b"SIP-ETag"]))
    assert answer.status == 200
    assert b"<doNotDisturbOn>false<" in notify.body


def test_what_was_not_confirmed_need_not_be_repeated_to_a_phone_that_knows_it() -> None:
    """The 200 to a NOTIFY was lost, not the NOTIFY."""
    book = _book()
    dialog, notify = book.receive(_subscribe(expires=b"3600"))
    for _ in range(12):
        book.pass_time(4)
    tag = notify.headers[b"SIP-ETag"]
    (answer,) = book.receive(_again(dialog, 2, suppress_if_match=tag, expires=b"3600"))
    assert answer.status == 204
    assert book.pass_time(1000) == []


def test_unsubscribing_with_the_current_tag_needs_no_last_notify() -> None:
    """RFC 5839 §5.7: the 204 concludes the subscription."""
    book = _book()
    dialog, tag = _subscribed(book)
    (answer,) = book.receive(_again(dialog, 2, suppress_if_match=tag, expires=b"0"))
    assert (answer.status, answer.headers[b"Expires"]) == (204, b"0")
    assert len(book.notifier.subscriptions) == 0
    assert book.notifier.counts["ended_timeout"] == 1


def test_unsubscribing_with_another_tag_gets_the_states() -> None:
    """As without a condition."""
    book = _book()
    dialog, _ = _subscribed(book)
    answer, notify = book.receive(_again(dialog, 2, suppress_if_match=b"x", expires=b"0"))
    assert answer.status == 200
    assert notify.headers[b"Subscription-State"] == b"terminated;reason=timeout"
    assert notify.body


@pytest.mark.parametrize("expires", [b"600", b"0"])
@pytest.mark.parametrize("star", [False, True])
def test_a_new_subscription_or_a_poll_with_the_current_tag_gets_a_notify_without_body(
    expires: bytes, star: bool
) -> None:
    """RFC 5839 §5.4, §5.5, §6.2: the NOTIFY is sent, with the tag, and nothing else."""
    book = _book()
    _, tag = _subscribed(book)
    condition = ANY if star else tag
    answer, notify = book.receive(_subscribe(2, suppress_if_match=condition, expires=expires))
    assert answer.status == 200, "204 is for dialogs (RFC 5839 §7.1)"
    assert (notify.body, notify.headers[b"SIP-ETag"]) == (b"", tag)
    assert b"Content-Type" not in notify.headers
    assert notify.headers[b"Subscription-State"].startswith(
        b"active" if expires == b"600" else b"terminated"
    )
    assert book.answer(notify) == []


def test_a_new_subscription_with_an_old_tag_gets_the_states() -> None:
    """RFC 5839 §5.5: had the tag not been valid any longer."""
    book = _book()
    dialog, tag = _subscribed(book)
    _, notify = book.receive(_again(dialog, 2, DND_ON))
    book.answer(notify)
    _, full = book.receive(_subscribe(2, suppress_if_match=tag))
    assert full.body.count(b"Event xmlns") == 4


def test_a_resumed_subscription_is_told_the_next_change() -> None:
    """Its tag is then that of the full state, of which it was told nothing."""
    book = _book()
    dialog, tag = _subscribed(book)
    _, notify = book.receive(_subscribe(2, suppress_if_match=tag))
    book.answer(notify)
    _, own, change = book.receive(_again(dialog, 2, DND_ON))
    assert change.body.count(b"Event xmlns") == 1
    assert change.headers[b"SIP-ETag"] == own.headers[b"SIP-ETag"] != tag


def test_a_tag_outlives_the_server() -> None:
    """RFC 5839 §6.1: it must be remembered or worked out again while the entity is current."""
    _, tag = _subscribed(_book())
    _, notify = _book().receive(_subscribe(suppress_if_match=tag))
    assert notify.body == b""


def test_another_event_id_is_another_entity() -> None:
    """RFC 5839 §4: Event is part of it."""
    book = _book()
    _, tag = _subscribed(book)
    _, notify = book.receive(_subscribe(2, suppress_if_match=tag, event=b"as-feature-event;id=1"))
    assert notify.body


def test_a_star_quenches_a_subscription_until_it_is_refreshed_without() -> None:
    """RFC 5839 §5.2: no changes, no refreshes of operators; only the end is told, without body."""
    book = _book()
    dialog, _ = _subscribed(book, expires=b"120")
    other, _ = _subscribed(book, 2)
    (answer,) = book.receive(_again(dialog, 2, suppress_if_match=ANY, expires=b"120"))
    assert answer.status == 204
    changed = book.receive(_again(other, 2, DND_ON))
    assert len(changed) == 2, "only the phone that asked is told"
    book.answer(changed[1])
    book.notifier.refresh_watchers(ALICE, NOON, book.now)
    (refreshed,) = book.sent()
    assert refreshed.headers[b"Call-ID"] == b"call-2"
    book.answer(refreshed)
    answer, notify = book.receive(_again(dialog, 3, expires=b"120"))
    assert answer.status == 200
    assert b"<doNotDisturbOn>true<" in notify.body
    book.answer(notify)
    book.receive(_again(dialog, 4, suppress_if_match=ANY, expires=b"120"))
    (last,) = book.pass_time(121)
    assert last.headers[b"Subscription-State"] == b"terminated;reason=timeout"
    assert last.body == b""


def test_a_quenched_phone_that_presses_a_key_is_told_what_it_has_not_heard() -> None:
    """It wants to be told again, and what changed meanwhile was kept nowhere."""
    book = _book()
    dialog, _ = _subscribed(book)
    other, _ = _subscribed(book, 2)
    book.receive(_again(dialog, 2, suppress_if_match=ANY))
    forward = (
        b"<SetForwarding><forwardDN>2</forwardDN><forwardingType>forwardBusy</forwardingType>"
        b"<activateForward>true</activateForward></SetForwarding>"
    )
    book.receive(_again(other, 2, forward))
    _, full, *_ = book.receive(_again(dialog, 3, DND_ON))
    assert b"<doNotDisturbOn>true<" in full.body
    assert b"<forwardTo>2<" in full.body


def _of_operator(book: Playbook, state: FeatureState) -> list[Sent]:
    """What phones are told when an operator sets a forwarding, or DND where it has no number."""
    asked = [Asked(CFA if state.values else DND, state)]
    book.features.set(ALICE, asked, OPERATOR, NOON, book.now, lambda *_: None)
    return book.sent()


def test_a_star_holds_for_what_is_under_way_as_well() -> None:
    """A NOTIFY that nobody answered is not told again to a phone that wants none."""
    book = _book()
    dialog, _ = book.receive(_subscribe())
    book.receive(_again(dialog, 2, suppress_if_match=ANY))
    repeats = [one.cseq for _ in range(500) for one in book.pass_time(0.5)]
    assert set(repeats) == {1}


def test_a_star_holds_for_phones_that_echo_as_well() -> None:
    """What changes while such a phone is quiet is not told afterwards."""
    book = _book(profiles=Profiles(default=Profile("echoing", echoes_ignored=True)))
    dialog, _ = _subscribed(book)
    book.receive(_again(dialog, 2, suppress_if_match=ANY))
    assert _of_operator(book, forwarding(True, "1")) == []
    assert [one for _ in range(100) for one in book.pass_time(0.5)] == []


def test_an_echo_with_another_tag_is_answered_with_all_states() -> None:
    """It sets nothing, and says that the phone does not know all."""
    book = _book(profiles=Profiles(default=Profile("echoing", echoes_ignored=True)))
    dialog, _ = _subscribed(book)
    book.pass_time(5.0)
    _of_operator(book, forwarding(True, "1"))
    _, notify = book.receive(_again(dialog, 2, _OFF, suppress_if_match=b"another"))
    assert b"<forwardTo>1<" in notify.body
    assert b"<doNotDisturbOn>false<" in notify.body
    assert book.notifier.counts["sets_echoed"] == 1


def test_a_tag_does_not_name_what_was_lost_and_comes_in_a_later_part() -> None:
    """Of a phone that is told one feature at a time."""
    book = _book(profiles=Profiles(default=Profile("single", multipart=False)))
    dialog, notify = book.receive(_subscribe())
    for _ in range(4):
        notify = next(iter(book.answer(notify)), notify)
    (_lost,) = _of_operator(book, forwarding(True, "1"))
    _, notify = book.receive(_again(dialog, 2, DND_ON))
    assert b"<forwardTo>1<" not in notify.body
    sent = book.receive(_again(dialog, 3, suppress_if_match=notify.headers[b"SIP-ETag"]))
    assert sent[0].status == 200


def test_a_last_tag_does_not_name_what_was_lost() -> None:
    """A phone that resumes with it is told."""
    book = _book()
    _subscribed(book, expires=b"120")
    (_lost,) = _of_operator(book, forwarding(True, "1"))
    last = [one for _ in range(130) for one in book.pass_time(1.0)][-1]
    assert last.headers[b"Subscription-State"] == b"terminated;reason=timeout"
    resumed = _subscribe(2, suppress_if_match=last.headers[b"SIP-ETag"])
    _, notify = book.receive(resumed)
    assert b"<forwardTo>1<" in notify.body


def test_a_notify_under_way_may_be_older_than_what_the_phone_knows() -> None:
    """It reads that after its SUBSCRIBE, which the tag has crossed: so it is told the newer."""
    book = _book()
    dialog, tag = _subscribed(book)
    (late,) = _of_operator(book, ON)
    assert _of_operator(book, OFF) == []
    for number in (2, 3):
        (answer,) = book.receive(_again(dialog, number, suppress_if_match=tag))
        assert answer.status == 204
    (notify,) = book.answer(late)
    assert b"<doNotDisturbOn>false<" in notify.body
    assert notify.headers[b"SIP-ETag"] == tag


def test_a_set_that_undoes_what_its_phone_has_not_read_yet_is_told() -> None:
    """All is as the phone knows, until it reads the NOTIFY that its SUBSCRIBE has crossed."""
    book = _book()
    dialog, tag = _subscribed(book)
    (late,) = _of_operator(book, ON)
    (answer,) = book.receive(_again(dialog, 2, _OFF, suppress_if_match=tag))
    assert answer.status == 204
    (notify,) = book.answer(late)
    assert b"<doNotDisturbOn>false<" in notify.body


def test_a_refresh_by_an_operator_is_told_to_a_phone_that_was_told_something_else() -> None:
    """Its tag was current, and is again, but not all changes between were told."""
    book = _book("[{id: hush, when: {op: set, request.status: 0}, then: {notify: false}}]")
    dialog, tag = _subscribed(book)
    book.receive(_again(dialog, 2, suppress_if_match=tag))
    (notify,) = _of_operator(book, ON)
    book.answer(notify)
    assert _of_operator(book, OFF) == []
    book.notifier.refresh_watchers(ALICE, NOON, book.now)
    (notify,) = book.sent()
    assert b"<doNotDisturbOn>true<" not in notify.body


def test_a_refresh_by_an_operator_is_suppressed_as_long_as_the_condition_holds() -> None:
    """RFC 5839 §6.3: all subsequent NOTIFYs are."""
    book = _book()
    dialog, tag = _subscribed(book)
    book.receive(_again(dialog, 2, suppress_if_match=tag))
    book.notifier.refresh_watchers(ALICE, NOON, book.now)
    assert book.sent() == []
    _, notify = book.receive(_again(dialog, 3, DND_ON))
    book.answer(notify)
    book.notifier.refresh_watchers(ALICE, NOON, book.now)
    assert len(book.sent()) == 1


def test_a_set_with_a_condition_is_carried_out_and_told_unless_it_changed_nothing() -> None:
    """The condition is about the NOTIFY, not about the set (RFC 5839 §5.2)."""
    book = _book()
    dialog, tag = _subscribed(book)
    (answer,) = book.receive(_again(dialog, 2, _OFF, suppress_if_match=tag))
    assert answer.status == 204
    answer, notify = book.receive(_again(dialog, 3, DND_ON, suppress_if_match=tag))
    assert (answer.status, b"<doNotDisturbOn>true<" in notify.body) == (200, True)


def test_a_refused_set_is_refused_whatever_its_condition() -> None:
    """403 is no 204."""
    deny = "- {id: no, when: {op: set}, then: {deny: {reason: no, text: No, answer: reject-403}}}"
    book = _book(deny)
    dialog, tag = _subscribed(book)
    answer, _ = book.receive(_again(dialog, 2, DND_ON, suppress_if_match=tag))
    assert answer.status == 403


def test_each_phone_has_the_tag_of_what_it_may_see() -> None:
    """RFC 5839 §4: one entity for each view of the states."""
    hide = (
        "- {id: h, when: {op: get, feature: DoNotDisturb, userAgent: b}, then: {assigned: false}}"
    )
    book = _book(hide)
    _, a = _subscribed(book, 1, user_agent=b"a")
    dialog, b = _subscribed(book, 2, user_agent=b"b")
    assert a != b
    (answer,) = book.receive(_again(dialog, 2, suppress_if_match=b, user_agent=b"b"))
    assert answer.status == 204
    answer, _ = book.receive(_again(dialog, 3, suppress_if_match=a, user_agent=b"b"))
    assert answer.status == 200


def test_states_that_depend_on_the_time_make_another_tag_in_time() -> None:
    """What counts is what a full NOTIFY would say now."""
    night = "- {id: n, when: {op: get, feature: DoNotDisturb, time: %s}, then: {status: 1}}"
    book = _book(night % "{lt: '08:00'}")
    dialog, tag = _subscribed(book)
    book.live.activate(policies(night % "{ge: '08:00'}"))
    answer, notify = book.receive(_again(dialog, 2, suppress_if_match=tag))
    assert answer.status == 200
    assert b"<doNotDisturbOn>true<" in notify.body


def test_a_malformed_condition_is_refused_and_nothing_is_set() -> None:
    """The subscription goes on."""
    book = _book()
    dialog, _ = _subscribed(book)
    (answer,) = book.receive(_again(dialog, 2, DND_ON, suppress_if_match=b"a, b"))
    assert answer.status == 400
    assert book.stored(ALICE).state(DND).status is False
