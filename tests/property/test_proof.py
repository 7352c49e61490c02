"""Whatever is forged, an address that has shown nothing is sent very little."""

from collections import Counter, defaultdict
from itertools import count

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from dfks_rules.model.features import Feature, FeatureState
from dfks_rules.model.requests import Asked
from dfks_rules.presence.proof import DIALOGS_PER_HOST
from dfks_rules.sip.flow import Flow
from dfks_rules.sip.timers import TIMEOUT
from tests.helpers.playbook import DND_ON, LISTENER, Playbook, Sent, default_policies, message
from tests.helpers.policy import ALICE, NOON, OPERATOR

_POLICIES = default_policies()
_ATTACKER, _VICTIM, _BYSTANDER = "192.0.2.66", "198.51.100.9", "198.51.100.10"
_HOSTS = st.sampled_from([_ATTACKER, _VICTIM, _ATTACKER, _VICTIM, _BYSTANDER])
_SILENT = (_VICTIM, _BYSTANDER)
"""They answer nothing, or with errors."""


class Forgeries(RuleBasedStateMachine):
    """An attacker who forges senders and Contacts, reads what is sent to him, and answers."""

    def __init__(self) -> None:
        super().__init__()
        self.book = Playbook(_POLICIES, strangers=True)
        self.numbers = count(1)
        self.dialogs: dict[bytes, tuple[bytes, int]] = {}
        """Call-ID → To and CSeq, of the dialogs whose 200 the attacker has read."""
        self.notifies: list[Sent] = []
        """NOTIFYs that came to him."""
        self.hit: list[Sent] = []
        """NOTIFYs that came to a victim."""
        self.hits: dict[tuple[bytes, str], list[float]] = defaultdict(list)
        """When datagrams came that nobody asked for, by Call-ID and victim."""
        self.told: dict[tuple[bytes, str], float] = {}
        """When the first NOTIFY among them came."""
        self.used: set[bytes] = set()
        """Call-IDs of the dialogs that the attacker has gone on with."""

    def _take(self, sent: list[Sent]) -> None:
        for one in sent:
            host, call_id = one.flow.remote[0], one.headers[b"Call-ID"]
            if host not in _SILENT:
                if one.status == 200:
                    cseq = int(one.headers[b"CSeq"].split()[0])
                    self.dialogs[call_id] = one.headers[b"To"], cseq
                elif not one.status:
                    self.notifies.append(one)
                continue
            if not one.status:
                self.told.setdefault((call_id, host), self.book.now)
                self.hit.append(one)
            elif one.status != 200 or call_id in self.used:
                # One datagram for one that the attacker sends.
                continue
            self._count(call_id, host)

    def _count(self, call_id: bytes, host: str) -> None:
        """Three of a dialog; one that is led away and back is like a new one after a while."""
        hits, now = self.hits[call_id, host], self.book.now
        hits.append(now)
        lately = [at for at in hits if at > now - TIMEOUT] if call_id in self.used else hits
        assert len(lately) <= 3

    def _send(self, source: str, **changes: bytes | None) -> None:
        branch = b"SIP/2.0/UDP %b;rport;branch=z9hG4bK%d" % (source.encode(), next(self.numbers))
        body = changes.pop("body") or b""
        data = message(b"SUBSCRIBE", body, **{"via": branch, **changes})
        self._take(self.book.receive(data, Flow(LISTENER, (source, 5060))))

    @rule(
        source=_HOSTS,
        contact=_HOSTS,
        port=st.sampled_from([5060, 5060, 5061]),
        expires=st.sampled_from([b"600", b"86400", b"0"]),
        body=st.sampled_from([b"", DND_ON]),
    )
    def forge(self, source: str, contact: str, port: int, expires: bytes, body: bytes) -> None:
        """A SUBSCRIBE that makes a dialog."""
        self._send(
            source,
            call_id=b"call-%d" % next(self.numbers),
            contact=b"<sip:a@%b:%d>" % (contact.encode(), port),
            expires=expires,
            body=body,
        )

    @rule(
        data=st.data(),
        source=_HOSTS,
        contact=_HOSTS,
        expires=st.sampled_from([b"600", b"600", b"600", b"0"]),
        body=st.sampled_from([b"", DND_ON]),
    )
    def go_on(
        self, data: st.DataObject, source: str, contact: str, expires: bytes, body: bytes
    ) -> None:
        """A SUBSCRIBE in a dialog whose tag the attacker knows, from anywhere, to anywhere."""
        if not self.dialogs:
            return
        call_id = data.draw(st.sampled_from(sorted(self.dialogs)))
        to, cseq = self.dialogs[call_id]
        self.dialogs[call_id] = to, cseq + 1
        self.used.add(call_id)
        self._send(
            source,
            call_id=call_id,
            to=to,
            cseq=b"%d SUBSCRIBE" % (cseq + 1),
            contact=b"<sip:a@%b:5060>" % contact.encode(),
            expires=expires,
            body=body,
        )

    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        """The attacker accepts NOTIFYs for himself."""
        if self.notifies:
            place = data.draw(st.integers(0, len(self.notifies) - 1))
            self._take(self.book.answer(self.notifies.pop(place)))

    @rule(data=st.data(), status=st.sampled_from([404, 481, 489, 500, 501]))
    def refuse(self, data: st.DataObject, status: int) -> None:
        """A victim that is a SIP server says that it knows nothing of this."""
        if self.hit:
            place = data.draw(st.integers(0, len(self.hit) - 1))
            self._take(self.book.answer(self.hit.pop(place), status))

    @rule(on=st.booleans())
    def set(self, on: bool) -> None:
        """Alice's features change."""
        asked = [Asked(Feature.DO_NOT_DISTURB, FeatureState(on))]
        self.book.features.set(ALICE, asked, OPERATOR, NOON, self.book.now, lambda *_: None)
        self._take(self.book.sent())

    @rule(seconds=st.sampled_from([4.0, 0.5, 4.0, 32.0, 600.0]))
    def wait(self, seconds: float) -> None:
        """Timers run."""
        for _ in range(int(seconds / 0.5)):
            self._take(self.book.pass_time(0.5))

    @invariant()
    def no_victim_is_told_of_more_than_ten_dialogs_in_half_a_minute(self) -> None:
        """On whichever ports."""
        told = Counter(host for (_, host), at in self.told.items() if self.book.now - at < TIMEOUT)
        assert max(told.values(), default=0) <= DIALOGS_PER_HOST


TestForgeries = Forgeries.TestCase
TestForgeries.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
