"""Who sends a SUBSCRIBE: found out before its body is read.

What a stranger learns does not depend on whether a user exists: statuses, challenges and the work
are the same.

Reference: RFC 3261 §22.1, RFC 3325 §8, RFC 7616, RFC 8760; docs/decisions/0013-authentication.md
"""

import ipaddress
from functools import lru_cache
from typing import Final, final

from dfks_rules.errors import MalformedMessageError
from dfks_rules.model.identity import Aor, AuthMethod, Identity
from dfks_rules.presence.account import Account
from dfks_rules.presence.admission import aor_in, user_agent_of
from dfks_rules.presence.attempts import PER_USER, Attempts
from dfks_rules.presence.ports import Accounts
from dfks_rules.presence.profile import Profiles
from dfks_rules.presence.responses import RefusedError, refusal, unavailable
from dfks_rules.sip import header
from dfks_rules.sip.address import parse_address
from dfks_rules.sip.digest import (
    Algorithm,
    Credentials,
    Nonces,
    challenges,
    hashed,
    parse_credentials,
)
from dfks_rules.sip.grammar import split_list
from dfks_rules.sip.incoming import Incoming

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@final
class DigestRules:
    """How phones authenticate by passwords."""

    __slots__ = ("accounts", "algorithms", "nobody", "nonces", "realm", "realm_domain")

    def __init__(
        self, realm: str, algorithms: tuple[Algorithm, ...], accounts: Accounts, key: bytes
    ) -> None:
        """Make the rules.

        Args:
            realm: what the passwords are for; ASCII without quotes and backslashes.
            algorithms: what is offered, the preferred one first.
            accounts: who there is.
            key: secret of the nonces, 16 to 32 random bytes.
        """
        self.realm_domain: Final = realm.lower()
        self.realm: Final = realm.encode()
        self.algorithms: Final = algorithms
        self.accounts: Final = accounts
        self.nonces: Final = Nonces(key)
        # Whom nobody can be: for names that do not exist, so that they cost the same.
        md5, sha256 = (hashed(one, key) for one in (Algorithm.MD5, Algorithm.SHA_256))
        self.nobody: Final = Account(Aor("", ""), md5, sha256)


@final
class Gate:
    """Finds out who sends a request."""

    def __init__(
        self,
        digest: DigestRules | None,
        trusted: tuple[Network, ...] = (),
        profiles: Profiles | None = None,
    ) -> None:
        """Make a gate.

        Args:
            digest: how phones authenticate; None where only trusted peers are served.
            trusted: peers that have authenticated whom they send, and are believed.
            profiles: which algorithms are offered to whom; None where all are to everybody.
        """
        self._digest = digest
        self._profiles = profiles or Profiles()
        self._trusted = Trusted(trusted) if trusted else None
        self._attempts = Attempts()
        self.counts = dict.fromkeys(
            ("challenged", "authenticated", "failed", "stale", "slowed", "trusted", "untrusted"), 0
        )
        """What happened how often since the start."""

    def check(self, incoming: Incoming, now: float) -> Identity:
        """Who sends a request.

        Args:
            incoming: the request; its body is not looked at.
            now: monotonic seconds.

        Raises:
            RefusedError: 401 with challenges; 403, a peer that is not trusted where only such are
                served; 503, too many wrong passwords.
            MalformedMessageError: what says who it is cannot be read.
        """
        if self._trusted is not None and self._trusted.has(incoming.flow.remote[0]):
            self.counts["trusted"] += 1
            return asserted(incoming)
        if self._digest is None:
            self.counts["untrusted"] += 1
            raise refusal(403, "Only trusted proxies may send requests")
        return self._by_digest(incoming, self._digest, now)

    @property
    def has_trusted(self) -> bool:
        """Whether there are peers that are trusted."""
        return self._trusted is not None

    def check_trusted(self, incoming: Incoming) -> None:
        """Find out whether a request comes from a trusted peer.

        Raises:
            RefusedError: 403, it does not.
        """
        if self._trusted is None or not self._trusted.has(incoming.flow.remote[0]):
            self.counts["untrusted"] += 1
            raise refusal(403, "Only trusted peers may publish")
        self.counts["trusted"] += 1

    def _by_digest(self, incoming: Incoming, digest: DigestRules, now: float) -> Identity:
        value = incoming.request.get(header.AUTHORIZATION)
        given = None if value is None else _choose(value, digest)
        source = incoming.flow.remote[0]
        if given is None:
            self.counts["challenged"] += 1
            raise self._unauthorized(incoming, digest, now)
        nonces = digest.nonces
        if not nonces.is_good(given.nonce, source, now):
            # Without a look at the response: so nobody tries passwords on nonces of his own.
            self.counts["stale"] += 1
            raise self._unauthorized(incoming, digest, now, stale=True)
        name = given.username.decode(errors="replace")
        account = _account(name, incoming, digest)
        ha1 = None if account is None else account.ha1(given.algorithm)
        # Also of whom may not try: the time must not tell who has points of its own.
        is_proved = given.proves(
            incoming.request.method, ha1 or digest.nobody.ha1(given.algorithm) or b""
        )
        if not self._attempts.may_try(name, source, now):
            self.counts["slowed"] += 1
            raise _slowed()
        if account is None or ha1 is None or not is_proved:
            raise self._failed(name, incoming, digest, now)
        if not nonces.use(given.nonce, int(given.nc, 16)):
            self.counts["stale"] += 1
            raise self._unauthorized(incoming, digest, now, stale=True)
        self._attempts.succeeded(name, source)
        self.counts["authenticated"] += 1
        return account.identity

    def _failed(
        self, name: str, incoming: Incoming, digest: DigestRules, now: float
    ) -> RefusedError:
        """The answer to a wrong password: what a stranger would get."""
        source = incoming.flow.remote[0]
        is_slowed = not self._attempts.may_stranger_try(name, source, now)
        self._attempts.failed(name, source, now)
        self.counts["failed"] += 1
        return _slowed() if is_slowed else self._unauthorized(incoming, digest, now)

    def _unauthorized(
        self, incoming: Incoming, digest: DigestRules, now: float, *, stale: bool = False
    ) -> RefusedError:
        nonce = digest.nonces.make(incoming.flow.remote[0], now)
        offered = self._offered(incoming, digest)
        lines = challenges(digest.realm, nonce, offered, stale=stale)
        return refusal(401, headers=lines)

    def _offered(self, incoming: Incoming, digest: DigestRules) -> tuple[Algorithm, ...]:
        """The algorithms offered to a phone.

        A profile leaves some out and changes their order. It never adds one: anybody can write the
        User-Agent of a phone that knows MD5 only.
        """
        profile = self._profiles.of(user_agent_of(incoming.request))
        both = tuple([one for one in profile.algorithms if one in digest.algorithms])
        return both or digest.algorithms


def _choose(value: bytes, digest: DigestRules) -> Credentials | None:
    """The credentials for us; None when there are none, or by an algorithm that is not offered."""
    for one in parse_credentials(value):
        if one.realm == digest.realm and one.algorithm in digest.algorithms:
            return one
    return None


def _account(name: str, incoming: Incoming, digest: DigestRules) -> Account | None:
    """The account that credentials name, if there is one.

    A name has no domain. The one in From proves nothing, but says which of two accounts to try; the
    other one that is tried is the realm.
    """
    here = digest.accounts.find(Aor(name, aor_in(incoming.sender).domain))
    in_realm = digest.accounts.find(Aor(name, digest.realm_domain))
    return in_realm if here is None else here


def _slowed() -> RefusedError:
    return unavailable("Too many wrong passwords", int(PER_USER))


@final
class Trusted:
    """Peers that are believed."""

    def __init__(self, networks: tuple[Network, ...]) -> None:
        self._networks = networks
        self.has: Final = lru_cache(maxsize=4096)(self._has)
        """Whether a peer is one of them, by its address; remembered for the latest."""

    def _has(self, source: str) -> bool:
        address = ipaddress.ip_address(source.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None) or address
        return any(mapped in one for one in self._networks if one.version == mapped.version)


def asserted(incoming: Incoming) -> Identity:
    """Who a trusted peer says it is: in P-Asserted-Identity, or else in From.

    Of two identities the first SIP one counts; a telephone number alone is nobody's presentity.

    Raises:
        MalformedMessageError: it cannot be read.
    """
    value = incoming.request.get(header.P_ASSERTED_IDENTITY)
    address = incoming.sender
    if value is not None:
        addresses = [parse_address(one, b"p-asserted-identity") for one in split_list(value)]
        sip = [one for one in addresses if one.uri[:5].lower().partition(b":")[0] in _SIP]
        if not addresses:
            message = "malformed P-Asserted-Identity"
            raise MalformedMessageError("sip_malformed_header", message)
        address = (sip or addresses)[0]
    aor = aor_in(address)
    return Identity(aor, AuthMethod.TRUSTED, aor.user)


_SIP = (b"sip", b"sips")
