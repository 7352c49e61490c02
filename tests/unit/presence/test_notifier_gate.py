"""The notifier where phones authenticate, by real messages."""

from itertools import count

import pytest

from dfks_rules.model.identity import Aor, AuthMethod
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.presence.gate import Gate
from dfks_rules.presence.package import Limits
from tests.helpers.digest import TRUSTED, URI, Phone, gate
from tests.helpers.playbook import DND_ON, Playbook, Sent, default_policies, message
from tests.helpers.policy import ALICE, DND, policies

_NUMBER = count(1)


class Line:
    """A phone of one user, which answers challenges."""

    def __init__(self, book: Playbook, user: str, password: str | None = None) -> None:
        self._book = book
        self._answerer = Phone(user, password)
        self._headers = {"call_id": b"call-%d" % next(_NUMBER), "to": b"<sip:alice@example.com>"}
        self._cseq = count(1)

    def send(self, body: bytes = b"", *, proved: bool = True) -> list[Sent]:
        """SUBSCRIBE to Alice as if it were she; NOTIFYs are answered."""
        line = self._answerer.authorization(b"SUBSCRIBE", URI) if proved else b""
        sent = self._book.receive(
            message(
                body=body,
                via=b"SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bK%d" % next(_NUMBER),
                cseq=b"%d SUBSCRIBE" % next(self._cseq),
                authorization=line[15:].rstrip() or None,
                **self._headers,
            )
        )
        for notify in sent[1:]:
            self._book.answer(notify)
        if sent[0].status == 200:
            self._headers["to"] = sent[0].headers[b"To"]
        return sent

    def subscribe(self, body: bytes = b"") -> list[Sent]:
        """The same until it is not challenged any more."""
        challenged, *_ = self.send(body)
        assert challenged.status == 401
        assert self._answerer.take(challenged.headers[b"WWW-Authenticate"])
        return self.send(body)

    def take_over(self, other: "Line") -> None:
        """Go on in the dialog of another phone."""
        self._headers = other._headers
        self._cseq = other._cseq


def _playbook(rules: PolicySet | None = None) -> Playbook:
    return Playbook(rules or default_policies(), gate=gate())


def test_a_phone_answers_the_challenge_and_is_served() -> None:
    """Its requester has the identity that was proved."""
    book = _playbook()
    response, notify = Line(book, "alice").subscribe(DND_ON)
    assert response.status == 200
    assert b"<doNotDisturbOn>true" in notify.body
    (subscription,) = book.notifier.subscriptions.of(ALICE)
    identity = subscription.requester.identity
    assert identity is not None
    assert (identity.aor, identity.method, identity.user) == (ALICE, AuthMethod.DIGEST, "alice")
    assert subscription.watcher is subscription.presentity


def test_from_is_not_believed() -> None:
    """Whoever wrote the victim's name into From set the victim's forwarding with one datagram."""
    book = _playbook()
    (response,) = Line(book, "bob").subscribe(DND_ON)
    assert response.start == b"SIP/2.0 403 Only the presentity's own phones may subscribe"
    (response,) = Line(book, "alice", "guess").subscribe(DND_ON)
    assert response.status == 401
    assert not book.stored(ALICE).state(DND).status
    assert len(book.notifier.subscriptions) == 0
    assert book.notifier.counts["refused_401"] == 3


def test_in_a_dialog_a_phone_authenticates_as_who_began_it() -> None:
    """Who guesses or sees the tags of a dialog can neither set in it nor end it."""
    book = _playbook()
    alice, bob = Line(book, "alice"), Line(book, "bob")
    alice.subscribe()
    bob.subscribe()
    bob.take_over(alice)
    (response,) = bob.send(DND_ON)
    assert response.start == b"SIP/2.0 403 Only the watcher may change its subscription"
    (response,) = alice.send(DND_ON, proved=False)
    assert response.status == 401
    assert not book.stored(ALICE).state(DND).status
    assert len(book.notifier.subscriptions) == 1
    response, _ = alice.send(DND_ON)
    assert response.status == 200
    assert book.stored(ALICE).state(DND).status


def test_a_policy_lets_another_identity_watch_and_set() -> None:
    """By the same rule as before; the facts tell who it is, and how that is known."""
    rules = policies(
        """
        - id: reception
          when: {op: subscribe, watcher: 'sip:bob@example.com', auth.method: digest, auth.user: bob}
          then: {allow: true}
        """
    )
    book = _playbook(rules)
    response, _ = Line(book, "bob").subscribe(DND_ON)
    assert response.status == 200
    assert book.stored(ALICE).state(DND).status
    (subscription,) = book.notifier.subscriptions.of(ALICE)
    assert subscription.watcher == Aor("bob", "example.com")


@pytest.mark.parametrize(
    "request_",
    [
        message(body=b"<broken"),
        message(event=b"presence"),
        message(expires=b"1"),
        message(to=b"<sip:alice@example.com>;tag=gone"),
    ],
)
def test_strangers_are_challenged_before_anything_else_is_looked_at(request_: bytes) -> None:
    """They do not learn which dialogs there are, and no body of theirs is read."""
    (response,) = _playbook().receive(request_)
    assert response.status == 401


def test_a_malformed_authorization_is_answered_400() -> None:
    """And the next request is served."""
    book = _playbook()
    (response,) = book.receive(message(authorization=b"Digest ?"))
    assert response.start == b"SIP/2.0 400 malformed Authorization"


def test_options_need_no_password() -> None:
    """Proxies look by them whether the server is there."""
    (response,) = _playbook().receive(message(b"OPTIONS"))
    assert response.status == 200


def test_a_trusted_proxy_speaks_for_its_phones() -> None:
    """In and outside a dialog; From is what the phone wrote."""
    book = Playbook(default_policies(), gate=Gate(None, TRUSTED))
    (refused,) = book.receive(message(p_asserted_identity=b"<sip:bob@example.com>"))
    assert refused.status == 403
    bob = {"from": b"<sip:anonymous@anonymous.invalid>;tag=p"}
    via = b"SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bKt"
    response, _ = book.receive(
        message(p_asserted_identity=b"<sip:alice@example.com>", via=via, **bob)
    )
    assert response.status == 200
    again = {"to": response.headers[b"To"], "cseq": b"2 SUBSCRIBE", **bob}
    for asserted, status in ((b"<sip:bob@example.com>", 403), (b"<sip:alice@example.com>", 200)):
        via = b"SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bK%d" % status
        response, *_ = book.receive(
            message(body=DND_ON, p_asserted_identity=asserted, via=via, **again)
        )
        assert response.status == status


def test_a_trusted_proxy_may_say_the_way_by_path() -> None:
    """Where it does not record its route; what a phone writes there leads nowhere."""
    path = b"<sip:192.0.2.50;lr>"
    book = Playbook(default_policies(), gate=Gate(None, TRUSTED))
    _, notify = book.receive(message(path=path))
    assert notify.headers[b"Route"] == path
    _, notify = Playbook(default_policies()).receive(message(path=path))
    assert b"Route" not in notify.headers


def test_identity_is_what_a_user_is_counted_by_not_from() -> None:
    """Whoever writes Alice's name into From uses up nothing of hers."""
    book = Playbook(default_policies(), Limits(per_user=3), gate=gate())
    for _ in range(10):
        stranger = Line(book, "alice", "wrong")
        assert stranger.send()[0].status == 401
    alice = Line(book, "alice")
    assert alice.subscribe()[0].status == 200
    assert [alice.send()[0].status for _ in range(4)][-1] == 503
    assert book.notifier.counts["limit_per_user"] > 0
