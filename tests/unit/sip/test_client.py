"""Requests of ours, to one target after the other."""

import re

import pytest

from dfks_rules.sip.client import AVOID, Client, Ending, Finished
from dfks_rules.sip.client_transaction import Outgoing
from dfks_rules.sip.flow import Flow, Hop
from dfks_rules.sip.message import Response, parse_message
from dfks_rules.sip.timers import T1, TIMEOUT
from tests.helpers.playbook import LISTENER
from tests.helpers.ways import TCP, FakeWays

_HOP = Hop("p.example", None, None)
_SOUGHT = Flow(LISTENER, ("p.example", 5060), 0, _HOP)
_A = Flow(LISTENER, ("192.0.2.7", 5060))
_B = Flow(TCP, ("192.0.2.8", 5070))
_C = Flow(LISTENER, ("192.0.2.9", 5060))
_BRANCH = re.compile(rb"branch=(\S+)")


class _Sender:
    """A client, and what it sends."""

    def __init__(self) -> None:
        self.sent: list[tuple[Flow, bytes]] = []
        self.ways = FakeWays()
        self.counts: dict[str, int] = {}
        self.client: Client[str] = Client(
            lambda flow, data: self.sent.append((flow, data)),
            self.ways,
            self.counts,
            lambda branch: b"-of-" + branch[-3:],
        )

    def request(self, flow: Flow, *further: Flow, sendings: int = 0) -> None:
        """A NOTIFY at 0 s."""
        via = b"%b %b" % (flow.listener.transport.upper().encode(), flow.listener.sent_by)
        notify = b"NOTIFY sip:a SIP/2.0\r\nVia: SIP/2.0/%b;rport;branch=z9hG4bKn\r\n\r\n" % via
        request = Outgoing(b"z9hG4bKn", notify, flow, further)
        request.sendings = sendings
        self.client.request(request, "owner", 0.0)

    def located(self, *targets: Flow, now: float = 0.0) -> Finished[str] | None:
        """What was looked up last leads there."""
        return self.client.located(self.ways.sought[-1][0], targets, now)

    def lost(self, now: float = 1.0) -> Finished[str] | None:
        """What was sent last could not be delivered."""
        return self.client.undelivered(self.sent[-1][1], now)

    def answered(self, status: int, more: bytes = b"", now: float = 1.0) -> Finished[str] | None:
        """What was sent last is answered."""
        found = _BRANCH.search(self.sent[-1][1])
        assert found is not None
        via = b"SIP/2.0/UDP x;branch=%b" % found[1]
        response = parse_message(
            b"SIP/2.0 %d X\r\nVia: %b\r\nCSeq: 1 NOTIFY\r\n%b\r\n" % (status, via, more)
        )
        assert isinstance(response, Response)
        return self.client.answered(response, now)

    def wait(self, until: float) -> list[Finished[str]]:
        """Let time pass."""
        ended: list[Finished[str]] = []
        while (now := self.client.transactions.next_deadline()) is not None and now <= until:
            ended += self.client.expire(now)
        return ended

    @property
    def flows(self) -> list[Flow]:
        """Where it went, repeats left out."""
        flows = [flow for flow, _ in self.sent]
        return [one for place, one in enumerate(flows) if place == 0 or flows[place - 1] != one]


@pytest.fixture
def sender() -> _Sender:
    """One that has looked up a hop with three targets."""
    one = _Sender()
    one.request(_SOUGHT)
    assert (one.sent, one.ways.sought) == ([], [(b"z9hG4bKn", _HOP)])
    assert one.located(_A, _B, _C) is None
    return one


def test_request_waits_for_its_hop_and_goes_to_the_first_target(sender: _Sender) -> None:
    """With a Via that names the transport that DNS has chosen."""
    assert sender.flows == [_A]
    finished = sender.answered(200)
    assert finished is not None
    assert (finished.ending, finished.transaction.owner) == (Ending.ANSWERED, "owner")
    assert sender.counts == {}


def test_next_target_is_tried_where_one_cannot_be_reached(sender: _Sender) -> None:
    """RFC 3263 §4.3; the owner hears only of the last one."""
    assert sender.lost() is None
    assert sender.flows == [_A, _B]
    assert (
        b"Via: SIP/2.0/TCP 192.0.2.1:5061;rport;branch=z9hG4bKn.2-of-bKn\r\n" in sender.sent[-1][1]
    )
    assert sender.lost() is None
    finished = sender.lost()
    assert finished is not None
    assert (finished.ending, sender.flows) == (Ending.UNREACHABLE, [_A, _B, _C])
    assert sender.counts == {"failovers": 2}
    assert sender.ways.avoided == [(_A, 1.0 + AVOID), (_B, 1.0 + AVOID)]


def test_who_saw_the_request_at_one_target_cannot_answer_for_the_next(sender: _Sender) -> None:
    """Else a name with two addresses would have its owner answer for a victim."""
    sender.answered(503)
    assert sender.flows == [_A, _B]
    guess = b"SIP/2.0 200 X\r\nVia: SIP/2.0/TCP x;branch=z9hG4bKn.2\r\nCSeq: 1 NOTIFY\r\n\r\n"
    response = parse_message(guess)
    assert isinstance(response, Response)
    assert sender.client.answered(response, 1.0) is None
    assert sender.answered(200) is not None


def test_next_target_is_tried_where_nobody_takes_the_datagram(sender: _Sender) -> None:
    """RFC 3261 §18.4; the last one is repeated all the same: a phone may be about to come back."""
    sender.client.bounced(sender.sent[-1][1][:100], 1.0)
    assert sender.flows == [_A, _B]
    sender.client.bounced(sender.sent[0][1], 1.0)  # A repeat of the first that was late.
    sender.client.bounced(sender.sent[-1][1][:100].replace(b"sip:a", b"sip:b"), 1.0)
    sender.client.bounced(b"", 1.0)
    assert sender.flows == [_A, _B]
    assert sender.lost() is None
    sender.client.bounced(sender.sent[-1][1], 1.0)
    assert (sender.flows, len(sender.client.transactions)) == ([_A, _B, _C], 1)


def test_next_target_is_tried_where_one_does_not_answer(sender: _Sender) -> None:
    """Each has the 32 s of timer F (RFC 3261 §17.1.2.2), and its repeats."""
    assert sender.wait(3 * TIMEOUT - T1) == []
    assert sender.flows == [_A, _B, _C]
    (finished,) = sender.wait(3 * TIMEOUT)
    assert finished.ending is Ending.TIMED_OUT
    assert len([flow for flow, _ in sender.sent if flow == _A]) == 11
    assert len(sender.client.transactions) == 0


@pytest.mark.parametrize(
    ("more", "seconds"),
    [(b"", AVOID), (b"Retry-After: 20\r\n", 20.0), (b"Retry-After: 99999\r\n", AVOID)],
)
def test_next_target_is_tried_where_one_is_out_of_service(
    sender: _Sender, more: bytes, seconds: float
) -> None:
    """503 and Retry-After (RFC 3261 §21.5.4): it is avoided for as long as it says."""
    assert sender.answered(503, more) is None
    assert (sender.flows, sender.ways.avoided) == ([_A, _B], [(_A, 1.0 + seconds)])
    assert sender.answered(503) is None
    finished = sender.answered(503)
    assert finished is not None
    assert finished.response is not None
    assert finished.response.status == 503


@pytest.mark.parametrize("status", [200, 404, 481, 500])
def test_any_other_answer_is_the_answer(sender: _Sender, status: int) -> None:
    """The other targets would say the same."""
    finished = sender.answered(status)
    assert finished is not None
    assert sender.flows == [_A]


def test_response_that_matches_no_request_is_dropped(sender: _Sender) -> None:
    """RFC 3261 §17.1.3, RFC 6026 §8.9: branch and method have to fit."""
    for branch, method in ((b"z9hG4bKn", b"SUBSCRIBE"), (b"z9hG4bKother", b"NOTIFY")):
        stray = parse_message(
            b"SIP/2.0 481 X\r\nVia: SIP/2.0/UDP x;branch=%b\r\nCSeq: 1 %b\r\n\r\n"
            % (branch, method)
        )
        assert isinstance(stray, Response)
        assert sender.client.answered(stray, 1.0) is None
    assert len(sender.client.transactions) == 1
    assert sender.answered(200) is not None


def test_target_that_is_at_work_is_not_left(sender: _Sender) -> None:
    """RFC 3263 §4.3: a timeout counts only without any response."""
    assert sender.answered(100) is None
    (finished,) = sender.wait(TIMEOUT)
    assert (finished.ending, sender.flows) == (Ending.TIMED_OUT, [_A])


def test_hop_that_leads_nowhere_ends_its_request() -> None:
    """At once: nobody waits 32 s for what DNS knows."""
    sender = _Sender()
    sender.request(_SOUGHT)
    finished = sender.located()
    assert finished is not None
    assert (finished.ending, sender.sent) == (Ending.UNREACHABLE, [])
    assert sender.located(_A) is None


def test_answer_of_dns_to_a_request_that_was_given_up_is_late() -> None:
    """A newer NOTIFY has taken its place, or it has been located already."""
    sender = _Sender()
    sender.request(_SOUGHT)
    assert sender.located(_A) is None
    assert sender.located(_B) is None
    assert sender.flows == [_A]


def test_lookup_that_never_ends_is_a_timeout() -> None:
    """Whatever the resolver does."""
    sender = _Sender()
    sender.request(_SOUGHT)
    (finished,) = sender.wait(TIMEOUT)
    assert finished.ending is Ending.TIMED_OUT


def test_hop_is_looked_up_once_the_stream_of_its_phone_is_gone() -> None:
    """Not before: the stream works."""
    sender = _Sender()
    stream = Flow(TCP, ("p.example", 5060), 3, _HOP)
    sender.request(stream)
    assert (sender.flows, sender.ways.sought) == ([stream], [])
    assert sender.lost() is None
    assert sender.lost() is None  # A second word of the same.
    assert sender.ways.sought == [(b"z9hG4bKn", _HOP)]
    assert sender.located(_A) is None
    assert sender.flows == [stream, _A]


def test_other_way_to_the_same_peer_is_for_when_it_cannot_be_reached() -> None:
    """One that is silent or busy would be so by datagrams, too (RFC 3261 §18.1.1)."""
    over_udp = Flow(LISTENER, _B.remote)
    for status in (503, 0):
        sender = _Sender()
        sender.request(_B, over_udp)
        ended = [sender.answered(status)] if status else sender.wait(TIMEOUT)
        assert (len(ended), sender.flows) == (1, [_B])
    sender = _Sender()
    sender.request(_B, over_udp)
    assert sender.lost() is None
    assert sender.flows == [_B, over_udp]


def test_what_follows_may_have_to_be_looked_up_itself() -> None:
    """A name with `transport=tcp`, of a phone that sent a datagram."""
    sender = _Sender()
    tcp = _SOUGHT._replace(hop=Hop("p.example", None, TCP.transport))
    udp = _SOUGHT._replace(hop=Hop("p.example", None, LISTENER.transport))
    sender.request(tcp, udp)
    assert sender.located() is None
    assert [hop for _, hop in sender.ways.sought] == [tcp.hop, udp.hop]
    assert sender.located(_A) is None
    assert sender.flows == [_A]


def test_what_may_be_sent_only_so_often_is_not_sent_to_all_targets() -> None:
    """A stranger's records may name one victim eight times."""
    sender = _Sender()
    sender.request(_SOUGHT, sendings=2)
    sender.located(_A, _B, _C)
    assert sender.lost() is None
    finished = sender.lost()
    assert finished is not None
    assert (finished.ending, sender.flows) == (Ending.UNREACHABLE, [_A, _B])


def test_target_that_may_not_be_reached_is_passed_over() -> None:
    """Its owner knows why: there may be too many requests to one victim already."""
    sender = _Sender()
    asked: list[tuple[str, Flow, float]] = []

    def may_reach(owner: str, flow: Flow, now: float) -> bool:
        asked.append((owner, flow, now))
        return flow == _B

    sender.client.may_reach = may_reach
    sender.request(_SOUGHT)
    assert sender.located(_A, _B, _C, now=1.0) is None
    assert sender.flows == [_B]
    finished = sender.lost(2.0)
    assert finished is not None
    assert (finished.ending, sender.flows) == (Ending.UNREACHABLE, [_B])
    assert asked == [("owner", _A, 1.0), ("owner", _B, 1.0), ("owner", _C, 2.0)]
