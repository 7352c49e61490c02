"""A dialog restored from its row is the one that lived."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dfks_rules.csta.style import USUAL
from dfks_rules.presence.gate import Gate
from dfks_rules.presence.profile import Profile, Profiles, Row
from dfks_rules.presence.subscription import Subscription
from dfks_rules.sip.flow import BROKEN, Flow
from tests.helpers.digest import TRUSTED
from tests.helpers.lives import Lives
from tests.helpers.playbook import LISTENER, Sent, message
from tests.helpers.ways import TCP, TLS

_SEEN = Profiles([Row(("Seen*",), Profile("seen", USUAL, seen=True))])
_HOSTS = ("192.0.2.7", "192.0.2.8", "10.0.0.7", "phone.example.com")
_flows = st.builds(
    lambda listener, host, port: Flow(listener, (host, port), 0 if listener is LISTENER else 7),
    st.sampled_from((LISTENER, TCP, TLS)),
    st.sampled_from(_HOSTS[:2]),
    st.sampled_from((5060, 5062, 40_000)),
)
_uris = st.builds(
    lambda host, port, more: b"<sip:alice@%b%b%b>" % (host.encode(), port, more),
    st.sampled_from(_HOSTS),
    st.sampled_from((b"", b":5060", b":5062")),
    st.sampled_from((b"", b";transport=tcp", b";transport=udp", b"?Replaces=x")),
)
_routes = st.sampled_from(
    (
        None,
        b"<sip:192.0.2.9;lr>",
        b"<sip:192.0.2.9>, <sip:192.0.2.10;lr>",
        b"<sip:edge.example.com;lr>",
    )
)
_vias = st.sampled_from(_HOSTS)
_SET = (
    b"<SetDoNotDisturb><device>%b</device><doNotDisturbOn>true</doNotDisturbOn></SetDoNotDisturb>"
)
_requests = st.fixed_dictionaries(
    {
        "flow": _flows,
        "via": _vias,
        "contact": _uris,
        "user_agent": st.sampled_from((None, b"Seen/1", b"Other/2")),
        "suppress_if_match": st.sampled_from((None, b"*", b"abc")),
        "device": st.sampled_from((None, b"", b"desk\t&amp;\\", b"cellar")),
        "expires": st.sampled_from((b"600", b"3600")),
    }
)
_first = st.fixed_dictionaries(
    {
        "record_route": _routes,
        "path": _routes,
        "event": st.sampled_from((b"as-feature-event", b"as-feature-event;id=7")),
        "p_asserted_identity": st.sampled_from((None, b"<sip:alice@example.com>")),
    }
)


def _data(cseq: int, to: bytes, about: dict[str, Any], first: dict[str, Any]) -> bytes:
    device = about["device"]
    transport = about["flow"].listener.transport.upper().encode()
    headers = {
        "via": b"SIP/2.0/%b %b:5062;rport;branch=z9hG4bK%d"
        % (transport, about["via"].encode(), cseq),
        "to": to,
        "cseq": b"%d SUBSCRIBE" % cseq,
        "contact": about["contact"],
        "user_agent": about["user_agent"],
        "suppress_if_match": about["suppress_if_match"],
        "expires": about["expires"],
        **(first if cseq == 1 else {"event": first["event"]}),
        "p_asserted_identity": first["p_asserted_identity"],
    }
    return message(b"SUBSCRIBE", b"" if device is None else _SET % device, **headers)


def _broken(flow: Flow) -> Flow:
    return flow._replace(connection=BROKEN) if flow.connection else flow


def _seen_of(one: Subscription) -> tuple[object, ...]:
    """Everything that matters of a subscription."""
    dialog = one.dialog
    return (
        dialog.call_id, dialog.local_tag, dialog.remote_tag, dialog.remote_cseq, dialog.route_set,
        dialog.contact, dialog._head, dialog._tail, _broken(dialog.flow),
        tuple(_broken(flow) for flow in dialog._further),
        one.presentity, one.requester, one.watcher, one.device, one.said_device, one.event_id,
        one.proof, one.source, one.condition, one.is_refused, one.row, one.is_counted,
    )  # fmt: skip


@given(_first, st.lists(_requests, min_size=1, max_size=5), st.booleans())
def test_a_restored_dialog_is_the_one_that_lived(
    first: dict[str, Any], requests: list[dict[str, Any]], is_trusted: bool
) -> None:
    """Routes, Path, NAT, streams, profiles, identities, ids, whatever the phone sent."""
    lives = Lives(profiles=_SEEN, gate=Gate(None, TRUSTED) if is_trusted else None)
    lives.ways.open.add(7)
    to = b"<sip:alice@example.com>"
    for cseq, about in enumerate(requests, 1):
        sent = lives.book.receive(_data(cseq, to, about, first), about["flow"])
        to = next((one.headers[b"To"] for one in sent if one.status == 200), to)
        _confirm(lives, sent)
        lives.book.pass_time(1.0)
    lives.book.pass_time(1.0)
    before = [_seen_of(one) for one in lives.book.notifier.subscriptions]
    deadlines = [one.deadline + lives.epoch for one in lives.book.notifier.subscriptions]
    highest = [one.dialog.local_cseq for one in lives.book.notifier.subscriptions]
    lives.ways.open.clear()
    lives.crash()
    restored = list(lives.book.notifier.subscriptions)
    assert [_seen_of(one) for one in restored] == before
    for one, deadline, cseq in zip(restored, deadlines, highest, strict=True):
        assert abs(one.deadline + lives.epoch - deadline) < 1e-3
        assert one.dialog.local_cseq > cseq


def _confirm(lives: Lives, sent: list[Sent]) -> None:
    for one in sent:
        if one.status == 0:
            _confirm(lives, lives.book.answer(one))
