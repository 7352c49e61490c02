"""Phones and accounts that authenticate, for tests of the gate."""

from collections import Counter
from ipaddress import ip_network

import pytest

from dfks_rules.cli.phone_auth import Answerer
from dfks_rules.model.identity import Aor
from dfks_rules.presence.account import Account
from dfks_rules.presence.gate import DigestRules, Gate
from dfks_rules.presence.responses import RefusedError
from dfks_rules.sip.digest import Algorithm, ha1_of
from dfks_rules.sip.endpoint import Endpoint
from dfks_rules.sip.flow import Flow
from dfks_rules.sip.incoming import Incoming
from tests.helpers.playbook import FLOW, message

TRUSTED = (ip_network("192.0.2.0/24"), ip_network("2001:db8::/64"))
REALM = "example.com"
BOTH = (Algorithm.SHA_256, Algorithm.MD5)
URI = b"sip:alice@example.com"


class Known:
    """Accounts in memory; counts who was looked for."""

    def __init__(self, *accounts: Account) -> None:
        self._accounts = {one.identity.aor: one for one in accounts}
        self.looked = Counter[Aor]()

    def find(self, aor: Aor) -> Account | None:
        self.looked[aor] += 1
        return self._accounts.get(aor)


def account(user: str, domain: str = REALM, *algorithms: Algorithm) -> Account:
    """One whose password is its name."""
    md5, sha256 = (
        ha1_of(one, user, REALM, user) if one in (algorithms or BOTH) else None
        for one in (Algorithm.MD5, Algorithm.SHA_256)
    )
    return Account(Aor(user, domain), md5, sha256)


def gate(*accounts: Account, algorithms: tuple[Algorithm, ...] = BOTH) -> Gate:
    """One that asks for passwords."""
    known = Known(*(accounts or (account("alice"), account("bob"))))
    return Gate(DigestRules(REALM, algorithms, known, b"k" * 32))


def incoming(data: bytes, flow: Flow = FLOW) -> Incoming:
    """The request as the gate is given it."""
    endpoint: Endpoint[None] = Endpoint(lambda flow, data: None, lambda text: b"x")
    received = endpoint.receive(data, flow, 0.0)
    assert isinstance(received, Incoming)
    return received


def refused(one: Gate, request: Incoming, now: float = 0.0) -> RefusedError:
    """How the gate refuses a request."""
    with pytest.raises(RefusedError) as caught:
        one.check(request, now)
    return caught.value


def challenge(one: Gate, now: float = 0.0) -> bytes:
    """A challenge, as header value."""
    lines = refused(one, incoming(message()), now).headers
    return b", ".join(line[18:] for line in lines.split(b"\r\n") if line)


class Phone(Answerer):
    """Answers challenges in SUBSCRIBEs."""

    def __init__(self, user: str, password: str | None = None) -> None:
        super().__init__(user, user if password is None else password)

    def challenged(self, one: Gate, now: float = 0.0) -> "Phone":
        """The same with a challenge."""
        assert self.take(challenge(one, now))
        return self

    def request(self, **changes: bytes) -> Incoming:
        """The next one."""
        line = self.authorization(b"SUBSCRIBE", URI)
        return incoming(message(authorization=line[15:].rstrip(), **changes))
