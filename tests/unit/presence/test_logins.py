"""NOTIFYs that phones, or proxies before them, ask to authenticate."""

from itertools import count

import pytest

from dfks_rules.presence import logins as module
from dfks_rules.presence.logins import Logins
from dfks_rules.presence.subscription import Termination
from dfks_rules.sip.digest import Algorithm, ha1_of, parse_credentials
from dfks_rules.sip.digest_client import Secret
from tests.helpers.playbook import DND_ON, Playbook, Sent, default_policies, message, tag_of

_HA1 = ha1_of(Algorithm.MD5, "keys", "pbx", "secret")
_SECRETS = {b"pbx": Secret(b"keys", {Algorithm.MD5: _HA1})}


def _book() -> Playbook:
    tokens = count(1)
    logins = Logins(_SECRETS, lambda: b"cnonce%d" % next(tokens))
    return Playbook(default_policies(), logins=logins)


def _challenge(nonce: bytes, *, is_proxy: bool = False, realm: bytes = b"pbx") -> bytes:
    name = b"Proxy-Authenticate" if is_proxy else b"WWW-Authenticate"
    return b'%b: Digest realm="%b", nonce="%b", qop="auth"\r\n' % (name, realm, nonce)


def _nc(notify: Sent, header: bytes = b"Authorization") -> bytes:
    """The count of its credentials, which are right."""
    (credentials,) = parse_credentials(notify.headers[header])
    assert credentials.proves(b"NOTIFY", _HA1)
    assert credentials.uri == notify.start.split()[1]
    return credentials.nc


@pytest.mark.parametrize("is_proxy", [False, True])
def test_a_challenged_notify_is_sent_again_with_a_password(is_proxy: bool) -> None:
    """RFC 3261 §22.2, §22.3: the next CSeq, a new branch, the same content."""
    book = _book()
    _, first = book.receive(message())
    assert b"Authorization" not in first.headers
    (second,) = book.answer(first, 407 if is_proxy else 401, _challenge(b"n1", is_proxy=is_proxy))
    header = b"Proxy-Authorization" if is_proxy else b"Authorization"
    assert _nc(second, header) == b"00000001"
    assert (second.cseq, second.body) == (first.cseq + 1, first.body)
    assert second.headers[b"Via"] != first.headers[b"Via"]
    assert second.headers[b"SIP-ETag"] == first.headers[b"SIP-ETag"]
    assert book.answer(second) == []
    counts = book.notifier.counts
    assert (counts["notify_challenged"], counts["notify_refused"]) == (1, 0)
    assert (counts["notify_sent"], counts["notify_answered"]) == (2, 1)


def test_the_next_notify_of_the_dialog_need_not_be_asked() -> None:
    """One round trip for each change would be wasted."""
    book = _book()
    response, first = book.receive(message())
    (second,) = book.answer(first, 401, _challenge(b"n1"))
    book.answer(second)
    tag = tag_of(response)
    _, third = book.receive(_again(tag, 2, DND_ON))
    assert _nc(third) == b"00000002"


def _again(tag: bytes, number: int, body: bytes = b"", **changes: bytes) -> bytes:
    return message(
        body=body,
        to=b"<sip:alice@example.com>;tag=" + tag,
        cseq=b"%d SUBSCRIBE" % number,
        via=b"SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bKa%d" % number,
        **changes,
    )


def test_what_changed_meanwhile_is_said_with_the_password() -> None:
    """A newer state is not sent after an older one."""
    book = _book()
    _, first = book.receive(message())
    other, notify = book.receive(
        message(call_id=b"call-2", via=b"SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKo")
    )
    book.answer(notify)
    changed = book.receive(
        message(
            body=DND_ON,
            call_id=b"call-2",
            to=b"<sip:alice@example.com>;tag=" + tag_of(other),
            cseq=b"2 SUBSCRIBE",
            via=b"SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKp",
        )
    )
    assert len(changed) == 2, "the first phone still owes an answer"
    (second,) = book.answer(first, 401, _challenge(b"n1"))
    assert b"<doNotDisturbOn>true<" in second.body
    assert second.body.count(b"<ForwardingEvent") == 3
    assert book.answer(second) == []


def test_a_wrong_password_leaves_the_subscription_as_without_one() -> None:
    """It is tried once; what was to be said is said again later, as to a phone that is silent."""
    book = _book()
    _, first = book.receive(message())
    (second,) = book.answer(first, 401, _challenge(b"n1"))
    assert book.answer(second, 401, _challenge(b"n2")) == []
    assert len(book.notifier.subscriptions) == 1
    assert book.notifier.counts["notify_refused"] == 1
    (again,) = book.pass_time(64)
    assert b"Authorization" not in again.headers
    assert again.body == first.body


@pytest.mark.parametrize("extra", [b"", _challenge(b"n1", realm=b"evil")])
def test_without_a_password_for_the_realm_it_is_as_without_any(extra: bytes) -> None:
    """The subscription lives on."""
    book = _book()
    _, first = book.receive(message())
    assert book.answer(first, 401, extra) == []
    assert len(book.notifier.subscriptions) == 1


def test_the_answer_to_a_fetch_and_a_last_notify_authenticate_too() -> None:
    """What they say must arrive as much, and nothing is remembered afterwards."""
    book = _book()
    _, first = book.receive(message(expires=b"0"))
    (second,) = book.answer(first, 401, _challenge(b"n1"))
    assert second.headers[b"Subscription-State"] == b"terminated;reason=timeout"
    assert (second.body, _nc(second)) == (first.body, b"00000001")
    assert book.answer(second) == []
    assert _remembered(book) == 0


def _remembered(book: Playbook) -> int:
    logins = book.notifier._delivery._logins
    assert logins is not None
    return len(logins)


@pytest.mark.parametrize("how", ["refused", "expired", "unsubscribed", "last challenged in vain"])
def test_what_a_dialog_was_asked_is_forgotten_when_it_is_over(how: str) -> None:
    """There are as many as dialogs."""
    book = _book()
    response, first = book.receive(message(expires=b"60"))
    (second,) = book.answer(first, 401, _challenge(b"n1"))
    if how == "refused":
        book.answer(second, 481)
    else:
        book.answer(second)
        assert _remembered(book) == 1
    if how == "expired":
        (last,) = book.pass_time(61)
        book.answer(last)
    elif how == "unsubscribed":
        _, last = book.receive(_again(tag_of(response), 2, expires=b"0"))
        book.answer(last)
    elif how == "last challenged in vain":
        (subscription,) = book.notifier.subscriptions
        delivery = book.notifier._delivery
        delivery.terminate(subscription, Termination.DEACTIVATED, (), book.now)
        (last,) = book.sent()
        (last,) = book.answer(last, 401, _challenge(b"n2"))
        assert book.answer(last, 401, _challenge(b"n3")) == []
    assert _remembered(book) == 0


def test_no_more_dialogs_are_remembered_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest is asked again."""
    monkeypatch.setattr(module, "AT_MOST", 2)
    book = _book()
    for number in range(3):
        call = {"call_id": b"c%d" % number, "from": b"<sip:alice@example.com>;tag=%d" % number}
        via = b"SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKc%d" % number
        _, first = book.receive(message(via=via, **call))
        book.answer(first, 401, _challenge(b"n1"))
    assert _remembered(book) == 2
