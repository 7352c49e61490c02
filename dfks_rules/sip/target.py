"""Where a SIP URI leads: from a name to addresses, in the order in which they are tried.

`find_targets` asks the questions of RFC 3263 §4: which transports (NAPTR), which servers (SRV),
which addresses (A and AAAA). It does not wait for answers: it is a generator that yields questions
and is sent what was found.
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from dfks_rules.sip.flow import Hop, TransportName
from dfks_rules.sip.host import address_of, is_loopback, is_one_host

MAX_RECORDS = 64
"""Most records of one answer that are looked at: a stranger may have written them."""
MAX_TARGETS = 8
"""Most targets of one request; each may take 32 s."""
MAX_SERVICES = 3
"""Most NAPTR records that are followed, one for each transport: each leads to a question about
whatever name it has, so that a stranger could aim many at others by one request."""
MAX_AVOIDED = 1_000
"""Most targets that are remembered because they failed; then the oldest is forgotten."""


class RecordType(StrEnum):
    """The kinds of DNS records that are asked for."""

    NAPTR = "NAPTR"
    SRV = "SRV"
    A = "A"
    AAAA = "AAAA"


class Question(NamedTuple):
    """One question for DNS."""

    name: str
    """Without the final period."""
    kind: RecordType


class Naptr(NamedTuple):
    """What a NAPTR record says (RFC 3403 §4.1)."""

    order: int
    preference: int
    flags: str
    service: str
    replacement: str
    """Without the final period."""


class Srv(NamedTuple):
    """What an SRV record says (RFC 2782)."""

    priority: int
    weight: int
    port: int
    host: str
    """Without the final period: empty says that there is no such service."""


Found = Sequence[Naptr | Srv | str] | None
"""What DNS answered: records, or addresses as text; none where the name has none of that type. None
where nobody answered."""
Draw = Callable[[int], int]
"""Draws a whole number from 0 to its argument, both included."""
Offered = Mapping[TransportName, Sequence[RecordType]]
"""The transports that can be used, the preferred one first; of each the types of address that it
reaches, also in that order."""
Search = Generator[list[Question], list[Found], "list[Target]"]


class Target(NamedTuple):
    """Where a request may go."""

    transport: TransportName
    address: str
    port: int


class _Place(NamedTuple):
    """A target whose address is still a name."""

    transport: TransportName
    host: str
    port: int


_SERVICES = {
    "sip+d2u": TransportName.UDP,
    "sip+d2t": TransportName.TCP,
    "sips+d2t": TransportName.TLS,
}
"""Services of NAPTR records (RFC 3263 §4.1), in lower case."""
_PREFIXES = {
    TransportName.UDP: "_sip._udp.",
    TransportName.TCP: "_sip._tcp.",
    TransportName.TLS: "_sips._tcp.",
}
"""What stands before the name in a question for SRV (§4.1)."""


def find_targets(hop: Hop, offered: Offered, draw: Draw) -> Search:
    """Find where a hop leads.

    Args:
        hop: what a URI says. A numeric host needs no question (§4.2).
        offered: what we can send over.
        draw: chance, which spreads the load over servers by their weights.

    Yields:
        Questions that may be asked at once, and wants their answers in the same order.

    Returns:
        The targets, the first to be tried first; none when there are none.
    """
    allowed = [one for one in offered if hop.transport in (None, one)]
    if not allowed:
        return []
    places = yield from _find_places(hop, allowed, draw)
    targets = yield from _find_addresses(places, offered)
    return [one for one in targets if hop.may_be_here or not is_loopback(one.address)]


def _find_places(
    hop: Hop, allowed: list[TransportName], draw: Draw
) -> Generator[list[Question], list[Found], list[_Place]]:
    """Transport and port (§4.1, §4.2)."""
    # Without a word of DNS a `sip` URI means UDP; where we have no UDP, what we have.
    usual = TransportName.UDP if TransportName.UDP in allowed else allowed[0]
    if hop.port is not None or address_of(hop.host) is not None:
        return [_Place(usual, hop.host, hop.port or _default_port(usual))]
    services: list[tuple[TransportName, str]] = []
    if hop.transport is None:
        (found,) = yield [Question(hop.host, RecordType.NAPTR)]
        if found is None:
            # Whoever has the name does not answer, and would not answer the next questions, either.
            return []
        services = _services_in(found, allowed)
    services = services or [(one, _PREFIXES[one] + hop.host) for one in allowed]
    answers = yield [Question(name, RecordType.SRV) for _, name in services]
    if all(answer is None for answer in answers):
        return []
    servers = [
        (transport, server)
        for (transport, _), answer in zip(services, answers, strict=True)
        for server in in_order(answer or (), draw)
    ]
    if not servers:
        return [_Place(usual, hop.host, _default_port(usual))]
    # A lone server without a name says: not this service (RFC 2782).
    return [_Place(one, server.host, server.port) for one, server in servers if server.host]


def _services_in(
    found: Sequence[Naptr | Srv | str], allowed: list[TransportName]
) -> list[tuple[TransportName, str]]:
    """The transports of NAPTR records, and the name of the SRV records of each."""
    usable = [
        one
        for one in found[:MAX_RECORDS]
        if isinstance(one, Naptr)
        and one.flags.lower() == "s"
        and one.replacement
        and _SERVICES.get(one.service.lower()) in allowed
    ]
    # Only the lowest order counts (RFC 3403 §4.1); preference orders what is in it.
    first = [one for one in usable if one.order == min(other.order for other in usable)]
    first.sort(key=lambda one: one.preference)
    return [(_SERVICES[one.service.lower()], one.replacement) for one in first[:MAX_SERVICES]]


def in_order(found: Sequence[Naptr | Srv | str], draw: Draw) -> list[Srv]:
    """Servers in the order of RFC 2782: by priority, and in each drawn by weight."""
    records = [one for one in found[:MAX_RECORDS] if isinstance(one, Srv)]
    ordered = []
    for priority in sorted({one.priority for one in records}):
        # Those of weight 0 first: they are drawn only when 0 is.
        left = sorted((one for one in records if one.priority == priority), key=lambda x: x.weight)
        while left:
            drawn = draw(sum(one.weight for one in left))
            position = 0
            while drawn > left[position].weight:
                drawn -= left[position].weight
                position += 1
            ordered.append(left.pop(position))
    return ordered


def _find_addresses(places: list[_Place], offered: Offered) -> Search:
    """Addresses of the places (§4.2); of a place with many, all before the next place."""
    del places[MAX_TARGETS:]
    questions = list(
        dict.fromkeys(
            Question(place.host, kind)
            for place in places
            if address_of(place.host) is None
            for kind in offered[place.transport]
        )
    )
    answers = (yield questions) if questions else []
    found = dict(zip(questions, answers, strict=True))
    targets = dict.fromkeys(
        Target(place.transport, address, place.port)
        for place in places
        for kind in offered[place.transport]
        for address in _addresses(place.host, kind, found)
    )
    return list(targets)[:MAX_TARGETS]


def _addresses(host: str, kind: RecordType, found: Mapping[Question, Found]) -> Iterable[str]:
    written = address_of(host)
    if written is not None:
        is_ipv6 = ":" in written
        return [written] if is_ipv6 == (kind is RecordType.AAAA) and is_one_host(written) else []
    answer = found[Question(host, kind)] or ()
    return [one for one in answer[:MAX_RECORDS] if isinstance(one, str) and is_one_host(one)]


def _default_port(transport: TransportName) -> int:
    """RFC 3261 §19.1.2."""
    return 5061 if transport is TransportName.TLS else 5060


class Avoided:
    """Targets that failed a while ago: they are tried after the others.

    Without this each request would wait for a dead server again. Reference: RFC 3261 §21.5.4, for
    the time that a 503 names.
    """

    def __init__(self) -> None:
        self._until: dict[Target, float] = {}

    def __len__(self) -> int:
        return len(self._until)

    def add(self, target: Target, until: float) -> None:
        """Avoid a target until then (monotonic seconds)."""
        self._until.pop(target, None)
        if len(self._until) >= MAX_AVOIDED:
            del self._until[next(iter(self._until))]
        self._until[target] = until

    def last(self, targets: Sequence[Target], now: float) -> list[Target]:
        """The same targets, those to be avoided last."""
        for target in targets:
            if self._until.get(target, now) < now:
                del self._until[target]
        return sorted(targets, key=self._until.__contains__)
