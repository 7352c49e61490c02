"""A SUBSCRIBE → what it wishes, or why it is refused; before any policy is asked.

Whoever wants to know what the server would make of a message asks here, too.

Reference: RFC 3261 §8.2, RFC 6665 §4.2.1
"""

import re
from functools import lru_cache
from typing import Final, final

from dfks_rules.csta.names import ACCEPT, CONTENT_TYPE, MULTIPART
from dfks_rules.csta.parse import parse as parse_body
from dfks_rules.errors import MalformedMessageError
from dfks_rules.model.identity import Aor, Identity
from dfks_rules.model.requests import Asked, Origin, Requester
from dfks_rules.model.values import MAX_TEXT
from dfks_rules.presence.package import ALLOW_EVENTS, EVENT, Limits
from dfks_rules.presence.responses import OUT_OF_ORDER, refusal
from dfks_rules.presence.subscription import State, Subscription
from dfks_rules.presence.subscriptions import Subscriptions
from dfks_rules.sip import header
from dfks_rules.sip.address import Address
from dfks_rules.sip.grammar import PARAMS, TOKEN, parse_params, split_list
from dfks_rules.sip.incoming import Incoming
from dfks_rules.sip.message import METHODS, Request
from dfks_rules.sip.uri import aor_of, parse_uri

# CPython 3.11 calls a Python function for each look at a member of an Enum.
_WATCHER: Final = Origin.WATCHER
_ACTIVE: Final = State.ACTIVE

CAPABILITIES = (
    ALLOW_EVENTS
    + b"Accept: "
    + ACCEPT.encode()
    + b"\r\nAccept-Encoding: identity\r\nAccept-Language: *\r\nSupported: \r\n"
)
"""The header lines that say what is served, for OPTIONS, besides Allow (RFC 3261 §11.2)."""

_IN_DIALOG_ONLY = frozenset(b"BYE NOTIFY INFO UPDATE PRACK".split())
_EVENT = re.compile(rb"(" + TOKEN + rb")(" + PARAMS + rb")[ \t]*+")
_TYPE, _MULTIPART = CONTENT_TYPE.encode(), MULTIPART.encode()
_RANGES = (
    (_TYPE, b"application/*", b"*/*"),
    (_MULTIPART, b"multipart/*", b"*/*"),
)
"""The media ranges of Accept that speak of each of our types, the most specific first."""


@final
class EventHeader:
    """The Event header of a SUBSCRIBE to our package."""

    __slots__ = ("id", "line")

    def __init__(self, line: bytes, id_: bytes) -> None:
        self.line: Final = line
        """The header line that every NOTIFY echoes."""
        self.id: Final = id_
        """Tells subscriptions in one dialog apart (RFC 6665 §8.2.1); empty for none."""


@final
class Wish:
    """What a SUBSCRIBE asks for."""

    __slots__ = ("asked", "expires", "presentity", "requester")

    def __init__(
        self, presentity: Aor, requester: Requester, expires: int, asked: list[Asked]
    ) -> None:
        self.presentity: Final = presentity
        """Whose features are to be watched or set."""
        self.requester: Final = requester
        """Who asks."""
        self.expires: Final = expires
        """Duration to grant, s."""
        self.asked: Final = asked
        """The sets in its body; empty where it asks for every state."""

    def without_sets(self) -> "Wish":
        """The same wish for every state."""
        return Wish(self.presentity, self.requester, self.expires, [])


_PLAIN = EventHeader(b"Event: %b\r\n" % EVENT, b"")


def check_request(request: Request) -> None:
    """Find out whether a request may go on, whatever its method.

    Proxy-Require is for proxies, and so is Max-Forwards: an endpoint serves a request that came
    with 0 (RFC 3261 §8.2.2.3, §16.3).

    Raises:
        RefusedError: it requires of us what we do not have.
    """
    required = split_list(request.value(header.REQUIRE))
    if required:
        raise refusal(420, headers=b"Unsupported: %b\r\n" % b", ".join(required))


def refuse_method(incoming: Incoming, allow: bytes) -> None:
    """Refuse a request whose method is not served.

    Args:
        incoming: the request.
        allow: the header line of those that are.

    Raises:
        RefusedError: always.
    """
    method = incoming.request.method
    if method in _IN_DIALOG_ONLY and incoming.recipient.tag:
        raise refusal(481)
    raise refusal(405 if method in METHODS else 501, headers=allow)


def event_of(request: Request) -> EventHeader:
    """What the Event header of a SUBSCRIBE says.

    Raises:
        RefusedError: 489, another package; 400, more than one event (RFC 6665 §8.4).
    """
    value = request.value(header.EVENT)
    if value == EVENT:
        return _PLAIN
    event = _EVENT.match(value)
    if event is None or event[1] != EVENT:
        raise refusal(489)
    if event.end() != len(value):
        raise refusal(400, "Malformed Event")
    return EventHeader(b"Event: %b\r\n" % value, parse_params(event[2]).get(b"id", b""))


def known_of(
    incoming: Incoming, event: EventHeader, subscriptions: Subscriptions
) -> Subscription | None:
    """The subscription in whose dialog a SUBSCRIBE came (RFC 3261 §12.2.2); None without a To tag.

    One with another event `id` wants another subscription in the same dialog: they are not shared
    (RFC 6665 §4.5.2).

    Raises:
        RefusedError: 481, there is none; 403, another `id`; 500, it is late.
    """
    local = incoming.recipient.tag
    if not local:
        return None
    request = incoming.request
    subscription = subscriptions.find(request.value(header.CALL_ID), local, incoming.sender.tag)
    if subscription is None:
        raise refusal(481)
    if subscription.event_id != event.id:
        raise refusal(403, "Dialog sharing is not supported")
    if subscription.dialog.is_late(request) and not is_repeat(subscription, request):
        raise refusal(500, OUT_OF_ORDER)
    return subscription


def is_repeat(subscription: Subscription, request: Request) -> bool:
    """Whether a SUBSCRIBE is the last one that was granted in a dialog, once more.

    Where nobody knows its transaction any more it is answered again, and its sets are not applied.
    """
    return (
        request.cseq == subscription.cseq
        and subscription.state is _ACTIVE
        and not subscription.is_refused
    )


def wish_of(
    incoming: Incoming,
    limits: Limits,
    known: Subscription | None = None,
    identity: Identity | None = None,
) -> Wish:
    """What a SUBSCRIBE asks for.

    Args:
        incoming: the SUBSCRIBE.
        limits: how long subscriptions may last.
        known: the subscription in whose dialog it came.
        identity: who sent it, where phones authenticate; else From is believed.

    Raises:
        RefusedError: it cannot be served.
        MalformedMessageError: it cannot be read.
    """
    request = incoming.request
    accept = request.get(header.ACCEPT)
    if accept is not None and accept != _TYPE and not _takes_our_types(accept):
        raise refusal(406, "Not Acceptable")
    expires = granted(request, limits)
    asked = sets_in(request)
    if known is None:
        presentity = _presentity(incoming)
        if identity is None and _watches_itself(incoming):
            watcher = presentity
        else:
            watcher = watcher_of(incoming, presentity, identity)
    else:
        presentity, watcher = known.presentity, known.watcher
        if identity is not None and identity.aor != watcher:
            raise refusal(403, "Only the watcher may change its subscription")
    device = asked[-1].device if asked else None
    return Wish(presentity, requester_of(incoming, watcher, device, identity), expires, asked)


def requester_of(
    incoming: Incoming, watcher: Aor, device: str | None, identity: Identity | None
) -> Requester:
    """Who sends a SUBSCRIBE, as the policies are told.

    Args:
        incoming: the SUBSCRIBE.
        watcher: who watches.
        device: text of `<device>` in its body.
        identity: who sent it, where phones authenticate.
    """
    flow = incoming.flow
    return Requester(
        _WATCHER,
        watcher,
        device,
        user_agent_of(incoming.request),
        flow.listener.transport,
        _same(flow.remote[0]),
        None,
        identity,
    )


def watcher_of(incoming: Incoming, presentity: Aor, identity: Identity | None) -> Aor:
    """Who watches: the identity, or what From says where nobody authenticates."""
    watcher = identity.aor if identity else aor_in(incoming.sender)
    # One object for both where they are equal: there are as many as subscriptions.
    return presentity if watcher == presentity else watcher


def user_agent_of(request: Request) -> str | None:
    """The User-Agent header; None when there is none."""
    agent = request.get(header.USER_AGENT)
    return None if agent is None else _text(agent[:MAX_TEXT])


def granted(request: Request, limits: Limits) -> int:
    """The duration to grant, s (RFC 6665 §4.2.1.1, RFC 3903 §6).

    Raises:
        RefusedError: 423, it is too short.
        MalformedMessageError: Expires cannot be read.
    """
    wish = request.seconds(header.EXPIRES)
    if wish is None:
        return limits.default_expires
    if 0 < wish < limits.min_expires:
        raise refusal(423, headers=b"Min-Expires: %d\r\n" % limits.min_expires)
    return min(wish, limits.max_expires)


def sets_in(request: Request) -> list[Asked]:
    """The sets in the body; empty when there is no body, which asks for every state.

    Raises:
        RefusedError: 415, it is encoded.
        MalformedMessageError: it cannot be read.
    """
    if not request.body:
        return []
    encoding = request.get(header.CONTENT_ENCODING)
    if encoding is not None and encoding.lower() != b"identity":
        raise refusal(415, headers=b"Accept-Encoding: identity\r\n")
    content_type = request.value(header.CONTENT_TYPE).decode(errors="replace")
    return parse_body(content_type, request.body)


def _takes_our_types(accept: bytes) -> bool:
    """Whether a phone takes documents, or several of them in one body (RFC 3261 §20.1).

    One that takes only documents is sent multipart all the same: see docs/reference/conformance.md.
    """
    ranges: dict[bytes, bool] = {}
    for one in split_list(accept):
        name, semicolon, params = one.partition(b";")
        quality = parse_params(semicolon + params).get(b"q", b"1")
        name = name.strip(b" \t").lower()
        ranges[name] = ranges.get(name, False) or quality.strip(b"0.") != b""
    return any(next((ranges[name] for name in names if name in ranges), False) for names in _RANGES)


def _watches_itself(incoming: Incoming) -> bool:
    """Whether From is the very Request-URI, as nearly always: to find out saves 0.4 µs."""
    return not incoming.recipient.tag and incoming.sender.uri == incoming.request.uri


def _presentity(incoming: Incoming) -> Aor:
    """Whose features a SUBSCRIBE is about: the Request-URI says, in a dialog To."""
    uri = parse_uri(incoming.recipient.uri) if incoming.recipient.tag else incoming.uri
    presentity = aor_of(uri)
    if not presentity.user:
        raise refusal(404)
    return presentity


def aor_in(address: Address) -> Aor:
    """The address of record in From; one that is no SIP URI is nobody's presentity."""
    try:
        return aor_of(parse_uri(address.uri))
    except MalformedMessageError:
        return Aor(address.uri[:MAX_TEXT].decode(errors="replace"), "")


# Subscriptions keep these texts, and thousands have the same: one object each.
@lru_cache(maxsize=1024)
def _text(value: bytes) -> str:
    return value.decode(errors="replace")


@lru_cache(maxsize=4096)
def _same(text: str) -> str:
    return text
