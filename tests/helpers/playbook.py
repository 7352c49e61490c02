"""A notifier without a network: SIP from phones in, its messages out, in simulated time."""

import re
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from dfks_rules.model.decisions import Outcome
from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.policy.deciding.live import Difference, LivePolicies, SpotCheck
from dfks_rules.policy.deciding.policy_set import PolicySet, load
from dfks_rules.policy.reading.source import Source
from dfks_rules.presence.gate import Gate
from dfks_rules.presence.logins import Logins
from dfks_rules.presence.naps import Naps
from dfks_rules.presence.notifier import Notifier
from dfks_rules.presence.package import Limits
from dfks_rules.presence.profile import Profiles
from dfks_rules.presence.setup import Keeping, Setup
from dfks_rules.presence.standing import Stands
from dfks_rules.presence.subscription import Subscription
from dfks_rules.service.features import Features
from dfks_rules.service.feed import Event, Failed, Feed, Settled
from dfks_rules.service.ports import Store
from dfks_rules.sip.client_transaction import ClientState
from dfks_rules.sip.endpoint import Endpoint, Finished
from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.sip.incoming import Incoming
from dfks_rules.sip.ports import Ways
from dfks_rules.store.memory import MemoryStore
from tests.helpers.policy import NOON

LISTENER = Listener("udp", "192.0.2.1", 5060)
FLOW = Flow(LISTENER, ("192.0.2.7", 5062))
TYPE = b"application/x-as-feature-event+xml"
DND_ON = b"<SetDoNotDisturb><device/><doNotDisturbOn>true</doNotDisturbOn></SetDoNotDisturb>"
_DEFAULT = Path(__file__).parents[2] / "policies" / "default" / "policy.yaml"


def default_policies() -> PolicySet:
    """The policies shipped with the server."""
    return load([Source("default.yaml", _DEFAULT.read_text(encoding="utf-8"))])


class Recorded:
    """A change feed, and everything published to it."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.feed = Feed()
        self.feed.listen(self.events.append)

    @property
    def outcomes(self) -> list[Outcome]:
        """All the settled outcomes."""
        settled = (one for one in self.events if isinstance(one, Settled))
        return [outcome for one in settled for outcome in one.outcomes]

    @property
    def failures(self) -> list[tuple[Aor, str]]:
        """The presentity and the error code of each store failure."""
        failed = (one for one in self.events if isinstance(one, Failed))
        return [(one.presentity, one.error.code) for one in failed]


class Sent(NamedTuple):
    """The parts of one datagram from the server that tests look at."""

    flow: Flow
    start: bytes
    headers: dict[bytes, bytes]
    body: bytes

    @property
    def status(self) -> int:
        """Status of a response; 0 for a request."""
        return int(self.start.split()[1]) if self.start.startswith(b"SIP/2.0") else 0

    @property
    def cseq(self) -> int:
        """The number in CSeq."""
        return int(self.headers[b"CSeq"].split()[0])


def read(flow: Flow, data: bytes) -> Sent:
    """Parse a datagram."""
    head, _, body = data.partition(b"\r\n\r\n")
    start, *lines = head.split(b"\r\n")
    headers = dict(line.split(b": ", 1) for line in lines)
    assert int(headers[b"Content-Length"]) == len(body)
    return Sent(flow, start, headers, body)


def message(method: bytes = b"SUBSCRIBE", body: bytes = b"", **changes: bytes | None) -> bytes:
    """A well-formed request of Alice's phone.

    Args:
        method: method of the request.
        body: body, which gets the content type of the package.
        changes: header values by name, with underscores for hyphens; None omits a header.
    """
    headers: dict[str, bytes | None] = {
        "via": b"SIP/2.0/UDP 192.0.2.7:5062;rport;branch=z9hG4bK1",
        "from": b"<sip:alice@example.com>;tag=phone",
        "to": b"<sip:alice@example.com>",
        "call_id": b"call-1",
        "cseq": b"1 " + method,
        "max_forwards": b"70",
        "contact": b"<sip:alice@192.0.2.7:5062>",
        "event": b"as-feature-event",
        "expires": b"600",
        "content_type": TYPE if body else None,
        "content_length": b"%d" % len(body),
    }
    uri = changes.pop("uri", None) or b"sip:alice@example.com"
    lines = [
        b"%b: %b\r\n" % (name.replace("_", "-").encode(), value)
        for name, value in {**headers, **changes}.items()
        if value is not None
    ]
    return b"%b %b SIP/2.0\r\n%b\r\n%b" % (method, uri, b"".join(lines), body)


def _disagree(difference: Difference) -> None:
    raise AssertionError(difference)


class Playbook:
    """A notifier on a real endpoint, real use cases and a memory store."""

    def __init__(
        self,
        policies: PolicySet,
        limits: Limits | None = None,
        store: Store | None = None,
        gate: Gate | None = None,
        logins: Logins | None = None,
        profiles: Profiles | None = None,
        keeping: Keeping | None = None,
        *,
        strangers: bool = False,
        ways: Ways | None = None,
        standing: Stands | None = None,
    ) -> None:
        """Make one.

        Args:
            policies: what decides.
            limits: of subscriptions; None for the defaults.
            store: what keeps states; None for one in memory.
            gate: what finds out who phones are; None where From is believed.
            logins: how NOTIFYs authenticate; None where they do not.
            profiles: how phones are treated; None for all alike.
            keeping: how subscriptions outlive the notifier; None where nothing does.
            ways: the ways to a peer; None where there is one listener.
            standing: how far it may serve; None for a server by itself.
            strangers: whether nobody has ever answered a NOTIFY; else the phone at `FLOW` has.
        """
        self.now = 0.0
        self._out: list[tuple[Flow, bytes]] = []
        self._tokens = count(1)
        self.log = Recorded()
        self.store: Store = store or MemoryStore(lambda: self.now)
        self.live = LivePolicies(policies, SpotCheck(_disagree))
        """The policies that decide; `active` may be replaced."""
        self.features = Features(self.store, self.live, self.log.feed)
        self.endpoint: Endpoint[Subscription] = Endpoint(
            lambda flow, data: self._out.append((flow, data)), lambda text: b"stateless", ways
        )
        self.notifier = Notifier(
            self.endpoint,
            self.features,
            self.log.feed,
            Setup(
                limits or Limits(),
                lambda: b"%08x" % next(self._tokens),
                lambda text: b"%08x" % crc32(text),
                gate,
                logins,
                profiles or Profiles(),
                keeping,
                standing,
            ),
        )
        self.sleeps = False
        """Whether each subscription sleeps as soon as it may; set by `sleep_at_once`."""
        if not strangers:
            self.notifier.guard.contacts.add(FLOW)

    def sleep_at_once(self) -> None:
        """Have each subscription that nobody needs sleep from now on, whenever it is looked."""
        self.sleeps = True
        self.notifier.subscriptions.awake = Naps(0.0)
        self.notifier.subscriptions.busy = Naps(0.0)

    def _nap(self) -> None:
        if self.sleeps:
            for _ in range(3):
                self.notifier.subscriptions.nap(self.now)

    def stored(self, presentity: Aor) -> Snapshot:
        """What is stored for a presentity, which must be known."""
        snapshot = self.store.known(presentity)
        assert snapshot is not None
        return snapshot

    def receive(self, data: bytes, flow: Flow = FLOW) -> list[Sent]:
        """Receive one datagram; gives what the notifier sends."""
        event = self.endpoint.receive(data, flow, self.now)
        if isinstance(event, Incoming):
            self.notifier.receive(event, NOON, self.now)
        elif isinstance(event, Finished):
            self.notifier.finished(event, self.now)
        return self.sent()

    def pass_time(self, seconds: float, at: datetime = NOON) -> list[Sent]:
        """Advance time; gives what the notifier sends when it next looks at the clocks.

        Args:
            seconds: of monotonic time.
            at: what the local time is then; as everywhere, it stands still unless a test says so.
        """
        self.now += seconds
        for finished in self.endpoint.expire(self.now):
            self.notifier.finished(finished, self.now)
        self.notifier.expire(at, self.now)
        return self.sent()

    def answer(self, notify: Sent, status: int = 200, extra: bytes = b"") -> list[Sent]:
        """Answer a NOTIFY; gives what the notifier sends then."""
        lines = [b"%b: %b\r\n" % (n, notify.headers[n]) for n in _ECHOED]
        start = b"SIP/2.0 %d X\r\n" % status
        return self.receive(start + b"".join(lines) + extra + b"Content-Length: 0\r\n\r\n")

    def locate(self, *targets: Flow) -> list[Sent]:
        """Say where every name leads that waits for it; gives what the notifier sends then."""
        for branch, transaction in list(self.endpoint.clients._by_branch.items()):
            if transaction.state is ClientState.LOCATING:
                finished = self.endpoint.located(branch, targets, self.now)
                if finished is not None:
                    self.notifier.finished(finished, self.now)
        return self.sent()

    def sent(self) -> list[Sent]:
        """What was sent since the last call."""
        self._nap()
        out, self._out[:] = [read(flow, data) for flow, data in self._out], []
        return out

    def raw(self) -> list[bytes]:
        """The same as raw bytes."""
        self._nap()
        out, self._out[:] = [data for _, data in self._out], []
        return out


_ECHOED = (b"Via", b"From", b"To", b"Call-ID", b"CSeq")
_TAG = re.compile(rb";tag=([^;]+)$")


def tag_of(response: Sent) -> bytes:
    """The To tag of a response."""
    match = _TAG.search(response.headers[b"To"])
    assert match is not None
    return match[1]
