"""Who sends a SUBSCRIBE, by real messages through a real endpoint."""

import re

import pytest

from dfks_rules.errors import MalformedMessageError
from dfks_rules.model.identity import Aor, AuthMethod, Identity
from dfks_rules.presence.attempts import OF_SOURCE, OF_USER, PER_USER
from dfks_rules.presence.gate import DigestRules, Gate, Trusted
from dfks_rules.presence.profile import Profile, Profiles
from dfks_rules.presence.responses import RefusedError
from dfks_rules.sip.digest import LIFETIME, Algorithm
from dfks_rules.sip.flow import Flow
from tests.helpers.digest import (
    BOTH,
    REALM,
    TRUSTED,
    URI,
    Known,
    Phone,
    account,
    gate,
    incoming,
    refused,
)
from tests.helpers.playbook import LISTENER, message
from tests.helpers.policy import ALICE


@pytest.mark.parametrize("algorithms", [BOTH, BOTH[::-1], BOTH[:1], BOTH[1:]])
def test_who_knows_the_password_is_whom_it_belongs_to(algorithms: tuple[Algorithm, ...]) -> None:
    """From says somebody else, which proves nothing."""
    one = gate(algorithms=algorithms)
    request = Phone("bob").challenged(one).request()
    identity = Identity(Aor("bob", REALM), AuthMethod.DIGEST, "bob")
    assert one.check(request, 0.0) == identity
    assert (one.counts["challenged"], one.counts["authenticated"]) == (1, 1)


def test_without_credentials_there_is_a_challenge_for_each_algorithm() -> None:
    """RFC 8760 §2.3, in the order of the setting, with one new nonce."""
    error = refused(gate(), incoming(message()))
    assert error.status == 401
    first, second, _ = error.headers.split(b"\r\n")
    assert b"algorithm=SHA-256" in first
    assert b"algorithm=MD5" in second
    assert b"stale" not in error.headers


@pytest.mark.parametrize(
    ("setting", "profile", "offered"),
    [
        (BOTH, (Algorithm.MD5,), [b"MD5"]),
        (BOTH, BOTH[::-1], [b"MD5", b"SHA-256"]),
        (BOTH, (), [b"SHA-256", b"MD5"]),
        ((Algorithm.SHA_256,), (Algorithm.MD5,), [b"SHA-256"]),
    ],
)
def test_a_profile_leaves_algorithms_out_but_adds_none(
    setting: tuple[Algorithm, ...], profile: tuple[Algorithm, ...], offered: list[bytes]
) -> None:
    """sofia-sip knows MD5 only; but anybody may say that he is sofia-sip."""
    rules = DigestRules(REALM, setting, Known(), bytes(16))
    one = Gate(rules, profiles=Profiles(default=Profile("x", algorithms=profile)))
    error = refused(one, incoming(message()))
    assert re.findall(rb"algorithm=([^,\r]+)", error.headers) == offered


def test_credentials_for_another_realm_or_algorithm_are_none_for_us() -> None:
    """A proxy on the way has its own."""
    one = gate(algorithms=(Algorithm.MD5,))
    phone = Phone("alice").challenged(one)
    line = phone.authorization(b"SUBSCRIBE", URI)[15:].rstrip()
    elsewhere = line.replace(b'realm="example.com"', b'realm="other"')
    assert refused(one, incoming(message(authorization=elsewhere))).status == 401
    strong = line.replace(b"=MD5", b"=SHA-256")
    assert refused(one, incoming(message(authorization=strong))).status == 401
    assert one.counts["challenged"] == 3
    both = elsewhere + b", " + line
    assert one.check(incoming(message(authorization=both)), 0.0).user == "alice"


def test_a_request_that_comes_again_is_refused_without_asking_for_the_password() -> None:
    """Whoever saw it on the wire has only that; a phone answers anew by itself (§3.3)."""
    one = gate()
    phone = Phone("alice").challenged(one)
    request = phone.request()
    one.check(request, 0.0)
    error = refused(one, request)
    assert (error.status, error.headers.count(b"stale=true")) == (401, 2)
    assert one.check(phone.request(), 0.0).user == "alice"


def test_the_uri_of_credentials_may_be_another_than_that_of_the_request() -> None:
    """RFC 8760 §2.6 allows it, and proxies make it so: they rewrite the Request-URI."""
    one = gate()
    request = Phone("alice").challenged(one).request(uri=b"sip:alice@10.0.0.1:5070;x=y")
    assert one.check(request, 0.0).aor == ALICE


def test_an_old_nonce_is_stale() -> None:
    """The right password and a wrong one get the same: nobody tries them on it."""
    one = gate()
    right, wrong = Phone("alice").challenged(one), Phone("alice", "x").challenged(one)
    for phone in (right, wrong):
        error = refused(one, phone.request(), LIFETIME + 1.0)
        assert b"stale=true" in error.headers
    assert one.counts["failed"] == 0
    invented = incoming(
        message(
            authorization=right.authorization(b"SUBSCRIBE", URI)[15:]
            .replace(b'nonce="0', b'nonce="1')
            .rstrip()
        )
    )
    assert b"stale=true" in refused(one, invented).headers


def test_a_nonce_that_was_given_to_another_address_is_stale() -> None:
    """So a digest proves where it came from; a phone whose address changes answers once more."""
    one = gate()
    phone = Phone("alice").challenged(one)
    there = Flow(LISTENER, ("198.51.100.9", 5060))
    request = message(authorization=phone.authorization(b"SUBSCRIBE", URI)[15:].rstrip())
    error = refused(one, incoming(request, there))
    assert (error.status, b"stale=true" in error.headers) == (401, True)
    assert phone.take(b", ".join(one[18:] for one in error.headers.split(b"\r\n") if one))
    request = message(authorization=phone.authorization(b"SUBSCRIBE", URI)[15:].rstrip())
    assert one.check(incoming(request, there), 0.0).user == "alice"
    assert one.counts["failed"] == 0


def _shape(error: RefusedError) -> tuple[int, str | None, bytes]:
    reason = None if error.reason is None else error.reason.decode()
    return error.status, reason, re.sub(rb'nonce="[^"]*"', b"", error.headers)


def test_nobody_learns_which_users_exist() -> None:
    """Wrong password, no such user, a user without this hash: the same, until it is slowed."""
    weak = account("carol", REALM, Algorithm.MD5)
    shapes = []
    for name in ("alice", "nobody", "carol"):
        one = gate(account("alice"), weak)
        phone = Phone(name, "guess").challenged(one)
        shapes.append([_shape(refused(one, phone.request())) for _ in range(OF_USER + 2)])
    assert shapes[0] == shapes[1] == shapes[2]
    assert [status for status, _, _ in shapes[0]] == [401] * OF_USER + [503] * 2


def test_nobody_learns_who_has_authenticated_from_his_own_address() -> None:
    """As behind one NAT or proxy: when the address has no points, a user at home has some left."""
    one = gate(account("alice"))
    one.check(Phone("alice").challenged(one).request(), 0.0)
    for number in range(OF_SOURCE):
        refused(one, Phone(f"u{number}").challenged(one).request())
    shapes = [
        _shape(refused(one, Phone(name, "guess").challenged(one).request()))
        for name in ("alice", "nobody")
    ]
    assert shapes[0] == shapes[1]
    assert shapes[0][0] == 503
    assert one.check(Phone("alice").challenged(one).request(), 0.0).user == "alice"


def test_an_unknown_user_costs_the_same_work() -> None:
    """The same look-ups and the same hashes: time tells nothing."""
    known = Known(account("alice"))
    one = Gate(DigestRules(REALM, BOTH, known, b"k" * 32))
    for name in ("alice", "nobody"):
        refused(one, Phone(name, "guess").challenged(one).request())
    assert sorted(known.looked.values()) == [2, 2]


def test_who_guesses_waits_even_with_the_right_password() -> None:
    """Else the wait would tell when it is right."""
    one = gate()
    for _ in range(OF_USER):
        refused(one, Phone("alice", "guess").challenged(one).request())
    error = refused(one, Phone("alice").challenged(one).request())
    assert (error.status, error.headers) == (503, b"Retry-After: 30\r\n")
    assert one.counts["slowed"] == 1
    assert one.check(Phone("alice").challenged(one, PER_USER).request(), PER_USER).user == "alice"


def test_from_says_which_of_two_accounts_of_one_name_to_try() -> None:
    """It proves nothing: the password of that account is needed."""
    one = gate(account("alice"), account("alice", "other.example"))
    phone = Phone("alice").challenged(one)
    other = phone.request(**{"from": b"<sip:alice@other.example>;tag=p"})
    assert one.check(other, 0.0).aor == Aor("alice", "other.example")
    nowhere = phone.request(**{"from": b"<sip:alice@192.0.2.9>;tag=p"})
    assert one.check(nowhere, 0.0).aor == ALICE


def test_malformed_credentials_are_said_to_be() -> None:
    """400, not a challenge that the phone would answer in the same way."""
    with pytest.raises(MalformedMessageError):
        gate().check(incoming(message(authorization=b"Digest x")), 0.0)


# --- Trusted peers ---

_PAI = "p_asserted_identity"


def _asserted(**changes: bytes) -> Identity:
    return Gate(None, TRUSTED).check(incoming(message(**changes)), 0.0)


@pytest.mark.parametrize(
    ("value", "aor"),
    [
        (b"<sip:bob@b.test>", Aor("bob", "b.test")),
        (b'"Bob, B." <sips:bob@B.test;user=phone>', Aor("bob", "b.test")),
        (b"<tel:+4930123>, <sip:bob@b.test>", Aor("bob", "b.test")),
        (b"sip:bob@b.test", Aor("bob", "b.test")),
        (b"<tel:+4930123>", Aor("tel:+4930123", "")),
    ],
)
def test_a_trusted_peer_says_who_it_is(value: bytes, aor: Aor) -> None:
    """RFC 3325 §9.1: a SIP URI, a tel URI, or both."""
    assert _asserted(**{_PAI: value}) == Identity(aor, AuthMethod.TRUSTED, aor.user)


def test_without_an_assertion_a_trusted_peer_is_believed_in_from() -> None:
    """It has checked From."""
    assert _asserted() == Identity(ALICE, AuthMethod.TRUSTED, "alice")


@pytest.mark.parametrize("value", [b",", b"<sip:bob@b.test", b"\xff"])
def test_an_assertion_that_cannot_be_read_is_not_passed_over(value: bytes) -> None:
    """From is then what the peer did not want to assert."""
    with pytest.raises(MalformedMessageError):
        _asserted(**{_PAI: value})


def test_nobody_else_is_believed() -> None:
    """403 where only trusted peers are served, a challenge where others authenticate."""
    stranger = Flow(LISTENER, ("198.51.100.1", 5060))
    request = incoming(message(p_asserted_identity=b"<sip:bob@b.test>"), stranger)
    only = Gate(None, TRUSTED)
    assert refused(only, request).status == 403
    assert only.counts["untrusted"] == 1
    digest = DigestRules(REALM, BOTH, Known(account("alice")), b"k" * 32)
    both = Gate(digest, TRUSTED)
    assert refused(both, request).status == 401
    assert both.check(incoming(message()), 0.0).method is AuthMethod.TRUSTED


@pytest.mark.parametrize(
    ("source", "is_trusted"),
    [
        ("192.0.2.255", True),
        ("192.0.3.0", False),
        ("::ffff:192.0.2.1", True),
        ("2001:db8::1%eth0", True),
        ("2001:db8:0:1::1", False),
    ],
)
def test_peers_are_trusted_by_network(source: str, is_trusted: bool) -> None:
    """A mapped IPv4 address is one."""
    assert Trusted(TRUSTED).has(source) is is_trusted
