"""What authentication costs: `python -m bench.auth`.

One process, no sockets: messages go through endpoint and notifier, with the default policies
and states in memory. Rounds with and without authentication take turns; the median of the
differences counts, since other guests of the machine disturb both alike. What phones do (answering
challenges) is done before the clock starts.
"""

import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime

from bench.server import REPOSITORY
from dfks_rules.app.tokens import Tokens
from dfks_rules.cli.phone_auth import Answerer
from dfks_rules.model.identity import Aor
from dfks_rules.policy.deciding.policy_set import PolicySet, load
from dfks_rules.policy.reading.source import Source
from dfks_rules.presence.account import Account
from dfks_rules.presence.gate import DigestRules, Gate
from dfks_rules.presence.notifier import Notifier
from dfks_rules.presence.package import Limits
from dfks_rules.presence.setup import Setup
from dfks_rules.presence.subscription import Subscription
from dfks_rules.service.features import Features
from dfks_rules.service.feed import Feed
from dfks_rules.sip.digest import Algorithm, ha1_of
from dfks_rules.sip.endpoint import Endpoint
from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.sip.incoming import Incoming
from dfks_rules.store.memory import MemoryStore

ROUNDS = 21
MESSAGES = 500
REALM = "bench.test"
AT = datetime(2026, 1, 5, 12, tzinfo=UTC)
_FLOW = Flow(Listener("udp", "192.0.2.1", 5060), ("192.0.2.7", 5062))
_POLICY = REPOSITORY / "policies/default/policy.yaml"
_URI = b"sip:alice@bench.test"


class Accounts:
    """Alice's only."""

    def __init__(self) -> None:
        md5, sha256 = (
            ha1_of(one, "alice", REALM, "secret") for one in (Algorithm.MD5, Algorithm.SHA_256)
        )
        self._account = Account(Aor("alice", REALM), md5, sha256)

    def find(self, aor: Aor) -> Account | None:
        """Hers, or none."""
        return self._account if aor == self._account.identity.aor else None


class Bench:
    """A notifier, and a phone with one subscription."""

    def __init__(self, policies: PolicySet, algorithm: Algorithm | None) -> None:
        """`algorithm` is what is offered; None does not authenticate."""
        gate = None
        if algorithm is not None:
            gate = Gate(DigestRules(REALM, (algorithm,), Accounts(), b"k" * 32))
        feed = Feed()
        features = Features(MemoryStore(lambda: 0.0), policies, feed)
        self.sent: list[bytes] = []
        self.endpoint: Endpoint[Subscription] = Endpoint(
            lambda _flow, data: self.sent.append(data), lambda _text: b"stateless"
        )
        tokens = Tokens()
        setup = Setup(Limits(), tokens.token, tokens.tag_of, gate)
        self.notifier = Notifier(self.endpoint, features, feed, setup)
        self._answerer = Answerer("alice", "secret")
        self._cseq = 0
        self._to = b"<sip:alice@bench.test>"
        self.receive(self.message())
        if gate is not None:
            challenge = self.sent[-1].partition(b"WWW-Authenticate: ")[2].partition(b"\r\n")[0]
            assert self._answerer.take(challenge)
            self.receive(self.message())
        self._to = self.sent[-2].partition(b"\r\nTo: ")[2].partition(b"\r\n")[0]

    def message(self) -> bytes:
        """The next SUBSCRIBE: in the dialog, once there is one."""
        self._cseq += 1
        return (
            b"SUBSCRIBE %b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bK%d\r\n"
            b"From: <sip:alice@bench.test>;tag=phone\r\nTo: %b\r\nCall-ID: call\r\n"
            b"CSeq: %d SUBSCRIBE\r\nMax-Forwards: 70\r\nContact: <sip:alice@192.0.2.7:5062>\r\n"
            b"Event: as-feature-event\r\nExpires: 600\r\nUser-Agent: bench\r\n%b"
            b"Content-Length: 0\r\n\r\n"
        ) % (
            _URI, self._cseq, self._to, self._cseq,
            self._answerer.authorization(b"SUBSCRIBE", _URI),
        )  # fmt: skip

    def receive(self, data: bytes) -> None:
        """Serve one message."""
        event = self.endpoint.receive(data, _FLOW, 0.0)
        assert isinstance(event, Incoming)
        self.notifier.receive(event, AT, 0.0)

    def refreshes(self) -> float:
        """CPU of a refresh with its response and NOTIFY, µs."""
        spent = _cost(self.receive, [self.message() for _ in range(MESSAGES)])
        assert self.sent[-2].startswith(b"SIP/2.0 200"), self.sent[-2]
        self.sent.clear()
        return spent

    def challenges(self) -> float:
        """CPU of a challenge, µs."""
        answerer, self._answerer = self._answerer, Answerer("alice", "secret")
        spent = _cost(self.receive, [self.message() for _ in range(MESSAGES)])
        self._answerer = answerer
        assert self.sent[-1].startswith(b"SIP/2.0 401"), self.sent[-1]
        self.sent.clear()
        return spent


def _cost(serve: Callable[[bytes], None], messages: list[bytes]) -> float:
    start = time.process_time()
    for message in messages:
        serve(message)
    return (time.process_time() - start) / len(messages) * 1e6


def measure() -> dict[str, dict[str, float]]:
    """The figures of each algorithm, µs."""
    policies = load([Source("default.yaml", _POLICY.read_text(encoding="utf-8"))])
    plain = Bench(policies, None)
    result = {}
    for algorithm in Algorithm:
        bench = Bench(policies, algorithm)
        without, more, challenge = [], [], []
        for _ in range(ROUNDS):
            base = plain.refreshes()
            without.append(base)
            more.append(bench.refreshes() - base)
            challenge.append(bench.challenges())
        result[algorithm.value] = {
            "refresh": round(statistics.median(without), 1),
            "authenticated_refresh_more": round(statistics.median(more), 1),
            "challenge": round(statistics.median(challenge), 1),
        }
    return result


def main() -> None:
    """Print the figures."""
    print(json.dumps(measure(), indent=2))


if __name__ == "__main__":
    main()
