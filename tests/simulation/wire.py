"""SIP as a phone writes and reads it; it shares no code with the server."""

import re
from typing import NamedTuple

NAMESPACE = b"http://www.ecma-international.org/standards/ecma-323/csta/ed3"
DND, CFA = "DoNotDisturb", "CallForwardingAlways"
_TYPE = b"Content-Type: application/x-as-feature-event+xml\r\n"
_SUBSCRIBE = (
    b"SUBSCRIBE %b SIP/2.0\r\nVia: SIP/2.0/UDP %b;rport;branch=z9hG4bK%b\r\nMax-Forwards: 70\r\n"
    b"From: <%b>;tag=%b\r\nTo: <%b>%b\r\nCall-ID: %b\r\nCSeq: %d SUBSCRIBE\r\n"
    b"Contact: <sip:phone@%b>\r\nEvent: as-feature-event\r\nExpires: %d\r\n"
    b"%bContent-Length: %d\r\n\r\n%b"
)
_DND = b'<SetDoNotDisturb xmlns="%b"><device/><doNotDisturbOn>%b</doNotDisturbOn></SetDoNotDisturb>'
_CFA = (
    b'<SetForwarding xmlns="%b"><device/><forwardDN>%b</forwardDN>'
    b"<forwardingType>forwardImmediate</forwardingType><activateForward>%b</activateForward>"
    b"</SetForwarding>"
)
_NOTIFY = re.compile(
    rb"NOTIFY [^\r\n]*\r\n(Via: [^\r\n]*\r\n)(?:[^\r\n]+\r\n)*?(From: [^\r\n]*;tag=([^\r\n;]+)\r\n)"
    rb"(To: [^\r\n]*;tag=([^\r\n;]+)\r\n)(Call-ID: ([^\r\n]*)\r\n)(?:[^\r\n]+\r\n)*?"
    rb"(CSeq: ([0-9]+) NOTIFY\r\n)(?:[^\r\n]+\r\n)*?"
    rb"(Subscription-State: (\w+)(?:;reason=(\w+))?[^\r\n]*)\r\n"
)
_RESPONSE = re.compile(
    rb"SIP/2.0 ([0-9]{3}) [^\r\n]*\r\nVia: [^\r\n]*;branch=z9hG4bK([^\r\n;]+)[^\r\n]*\r\n"
    rb"(?:[^\r\n]+\r\n)*?To: [^\r\n]*?(?:;tag=([^\r\n;]+))?\r\n"
)
_CSEQ = re.compile(rb"\r\nCSeq: ([0-9]+) ")
_EXPIRES = re.compile(rb"\r\nExpires: ([0-9]+)\r\n")
_RETRY = re.compile(rb"\r\nRetry-After: ([0-9]+)")
_STATE = re.compile(
    rb"<doNotDisturbOn>(\w+)</doNotDisturbOn>"
    rb"|<forwardingType>(\w+)</forwardingType>\s*<forwardStatus>(\w+)</forwardStatus>"
    rb"(?:\s*<forwardTo>([^<]*)</forwardTo>)?"
)
_FORWARDING = {b"forwardImmediate": CFA}


class Notify(NamedTuple):
    """A NOTIFY."""

    call_id: bytes
    server_tag: bytes
    phone_tag: bytes
    cseq: int
    state: bytes
    """`active` or `terminated`."""
    reason: bytes
    states: dict[str, str]
    """Feature → state, as in `tests.helpers.history`."""
    content: str
    """What its retransmissions have in common with it."""
    echoed: bytes
    """The lines that its answer repeats."""


class Response(NamedTuple):
    """The answer to a SUBSCRIBE."""

    status: int
    branch: bytes
    tag: bytes
    cseq: int
    expires: int | None
    retry_after: int


class Subscribe(NamedTuple):
    """What a SUBSCRIBE says."""

    aor: bytes
    address: bytes
    call_id: bytes
    phone_tag: bytes
    server_tag: bytes
    """Empty where there is no dialog."""
    cseq: int
    expires: int
    body: bytes = b""


def subscribe(what: Subscribe, branch: bytes) -> bytes:
    """A SUBSCRIBE."""
    aor, tag = what.aor, what.server_tag
    return _SUBSCRIBE % (
        b"sip:192.0.2.1:5060" if tag else aor,
        what.address,
        branch,
        aor,
        what.phone_tag,
        aor,
        b";tag=" + tag if tag else b"",
        what.call_id,
        what.cseq,
        what.address,
        what.expires,
        _TYPE if what.body else b"",
        len(what.body),
        what.body,
    )


def body_of(feature: str, state: str) -> bytes:
    """The document that asks for a state."""
    on = b"true" if state.startswith("on") else b"false"
    if feature == DND:
        return _DND % (NAMESPACE, on)
    return _CFA % (NAMESPACE, state.partition(" ")[2].encode(), on)


def answer(notify: Notify, status: int) -> bytes:
    """The answer to a NOTIFY."""
    return b"SIP/2.0 %d X\r\n%bContent-Length: 0\r\n\r\n" % (status, notify.echoed)


def read_response(data: bytes) -> Response:
    """Read the answer to a SUBSCRIBE."""
    found = _RESPONSE.match(data)
    assert found is not None, data
    cseq, expires, retry = _CSEQ.search(data), _EXPIRES.search(data), _RETRY.search(data)
    assert cseq is not None, data
    return Response(
        int(found[1]),
        found[2],
        found[3] or b"",
        int(cseq[1]),
        None if expires is None else int(expires[1]),
        0 if retry is None else int(retry[1]),
    )


def read_notify(data: bytes) -> Notify:
    """Read a NOTIFY."""
    found = _NOTIFY.match(data)
    assert found is not None, data
    body = data.partition(b"\r\n\r\n")[2]
    return Notify(
        found[7],
        found[3],
        found[5],
        int(found[9]),
        found[11],
        found[12] or b"",
        _states(body),
        (found[10] + body).decode(),
        found[1] + found[2] + found[4] + found[6] + found[8],
    )


def _states(body: bytes) -> dict[str, str]:
    states: dict[str, str] = {}
    for dnd, kind, forwards, target in _STATE.findall(body):
        if dnd:
            states[DND] = "on" if dnd == b"true" else "off"
        elif kind in _FORWARDING:
            on = f"on {target.decode()}" if target else "on"
            states[_FORWARDING[kind]] = on if forwards == b"true" else "off"
    return states
