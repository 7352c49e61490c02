"""From a subscription that nobody needs to the bytes as which it sleeps, and back.

| it is  | input                                                  | then it is |
|--------|--------------------------------------------------------|------------|
| awake  | `NAP` s after it woke, and `FEW` others are awake      | asleep     |
| awake  | more than `MANY` are, and it has been longest          | asleep     |
| asleep | SUBSCRIBE in its dialog, a change, its deadline, an    | awake      |
|        | operator's look at it                                  |            |
| (none) | a row of an earlier life                               | a row      |
| a row  | what wakes one that is asleep                          | awake      |

Only `Subscriptions` knows which it is: for everybody else there is always a subscription, the same
as before. So one that is known to anybody else, or has something to do (`Subscription.is_resting`),
does not sleep.

Awake it takes about 1,300 bytes in a dozen objects; asleep, 130 in one that the garbage collector
does not look at. To fall asleep costs 2 µs, to wake 4 (`packing`). A row, which took 1,600, sleeps
as itself: to make a subscription of it would cost more, and most expire or are refreshed as they
are.
"""

import struct
from typing import Any, Final, NamedTuple, final

from dfks_rules.model.identity import Aor, AuthMethod, Identity
from dfks_rules.model.requests import Origin, Requester
from dfks_rules.presence.display import Display
from dfks_rules.presence.packing import Packing, packing_like
from dfks_rules.presence.subscription import Subscription
from dfks_rules.service.ports import DialogRow
from dfks_rules.sip.dialog import Dialog, Pieces
from dfks_rules.sip.flow import TRANSPORTS, Flow, Hop, Listener
from dfks_rules.sip.ports import Ways

NAP: Final = 64.0
"""Seconds after which one that has nothing to do falls asleep."""
FEW: Final = 1_024
"""How many stay awake, whatever they do: a small server has no use for them asleep."""
MANY: Final = 8_192
"""How many are awake, besides those that have something to do: 10 MB."""

_HEAD: Final = struct.Struct("<ddqB")
"""Deadline, when the calendar has it (monotonic seconds), number of its row, transport."""
_IS_ROW: Final = 0x80
"""In place of the transport, besides it: a row."""
_POSITIONS: Final = {one.value: place for place, one in enumerate(TRANSPORTS)}
# CPython 3.11 calls a Python function for each look at a member of an Enum.
_WATCHER: Final = Origin.WATCHER


class Glance(NamedTuple):
    """What can be seen of one that sleeps without waking it."""

    deadline: float
    """When it expires, monotonic seconds."""
    scheduled_for: float
    """When the calendar has it, monotonic seconds."""
    row: int
    """Number of its row; 0 for none."""
    transport: int
    """Position of the transport of its NOTIFYs in `TRANSPORTS`."""


@final
class Sleeping:
    """Packs subscriptions, and wakes them."""

    def __init__(self, ways: Ways | None) -> None:
        """Nobody sleeps.

        Args:
            ways: the ways to a peer, for dialogs.
        """
        self._ways: Final = ways
        self._packing: Packing | None = None
        self._row_packing: Packing | None = None
        self._listeners: list[Listener] = []
        """Of all flows; there are as many as in the settings."""
        self._displays: dict[bytes, Display] = {}
        """What phones show, where that matters, by our tag."""

    def pack(self, subscription: Subscription) -> bytes:
        """The bytes as which it sleeps.

        Args:
            subscription: one that is resting.
        """
        dialog = subscription.dialog
        # Each by itself: to put tuples into one another costs compiled code 1 µs.
        head, tail, call_id, remote_tag, contact, routes, flow, further, seen, ours, theirs = (
            dialog.pieces()
        )
        presentity, watcher = subscription.presentity, subscription.watcher
        values = (
            head,
            tail,
            call_id,
            remote_tag,
            contact,
            routes,
            self._plain_flow(flow),
            tuple([self._plain_flow(one) for one in further]) if further else (),
            seen,
            ours,
            theirs,
            presentity.user,
            presentity.domain,
            None if watcher == presentity else (watcher.user, watcher.domain),
            _plain_requester(subscription.requester),
            subscription.event_id,
            subscription.facts(),
        )
        packing = self._packing
        if packing is None:
            packing = self._packing = packing_like(values)
        if subscription.display is not None:
            self._displays[dialog.local_tag] = subscription.display
        glance = _HEAD.pack(
            subscription.deadline,
            subscription.scheduled_for,
            subscription.row,
            flow.listener.position,
        )
        return packing.pack(dialog.local_tag, glance, values)

    def glance(self, packed: bytes) -> Glance:
        """What can be seen of one without waking it."""
        deadline, scheduled_for, row, transport = _HEAD.unpack_from(packed)
        return Glance(deadline, scheduled_for, row, transport & ~_IS_ROW)

    def is_row(self, packed: bytes) -> bool:
        """Whether it is a row of an earlier life."""
        return bool(packed[_HEAD.size - 1] & _IS_ROW)

    def scheduled(self, packed: bytes, moment: float) -> bytes:
        """One that goes on sleeping, and is looked at then (monotonic seconds)."""
        deadline, _, row, transport = _HEAD.unpack_from(packed)
        return _HEAD.pack(deadline, moment, row, transport) + packed[_HEAD.size :]

    def presentity_of(self, tag: bytes, packed: bytes) -> Aor:
        """Whose features one that sleeps watches.

        Args:
            tag: our tag in its dialog.
            packed: what `pack` or `pack_row` gave.
        """
        plain = self._plain(tag, packed)
        return Aor(plain[0], plain[1]) if self.is_row(packed) else Aor(plain[11], plain[12])

    def pack_row(self, row: DialogRow, deadline: float, moment: float, transport: int) -> bytes:
        """The bytes as which a row sleeps.

        Args:
            row: it has a tag.
            deadline: when it expires, monotonic seconds.
            moment: when the calendar has it, monotonic seconds.
            transport: position of the transport of its NOTIFYs in `TRANSPORTS`.
        """
        user, domain = row.presentity
        values = user, domain, row.deadline, row.cseq, row.base, row.flags, row.first, row.last
        packing = self._row_packing
        if packing is None:
            packing = self._row_packing = packing_like(values)
        head = _HEAD.pack(deadline, moment, row.row, transport | _IS_ROW)
        return packing.pack(row.tag, head, values)

    def row(self, tag: bytes, packed: bytes) -> DialogRow:
        """The row, as it was.

        Args:
            tag: our tag in its dialog.
            packed: what `pack_row` gave.
        """
        user, domain, *rest = self._plain(tag, packed)
        return DialogRow(self.glance(packed).row, tag, Aor(user, domain), *rest)

    def wake(self, tag: bytes, packed: bytes) -> Subscription:
        """The subscription, as it was.

        Args:
            tag: our tag in its dialog.
            packed: what `pack` gave.
        """
        plain = self._plain(tag, packed)
        dialog, (user, domain, watching, asks, event_id, facts) = plain[:11], plain[11:]
        head, tail, call_id, remote_tag, contact, routes, flow, further, seen, ours, theirs = dialog
        ways = tuple([self._flow(one) for one in further])
        pieces: Pieces = (
            head,
            tail,
            call_id,
            remote_tag,
            contact,
            routes,
            self._flow(flow),
            ways,
            seen,
            ours,
            theirs,
        )
        presentity = Aor(user, domain)
        watcher = presentity if watching is None else Aor(*watching)
        glance = self.glance(packed)
        subscription = Subscription(
            Dialog(pieces, tag, ways=self._ways), presentity, _requester(asks, watcher), event_id
        )
        subscription.woken(facts, glance.row, glance.deadline, self._displays.pop(tag, None))
        subscription.scheduled(glance.scheduled_for)
        return subscription

    def _plain(self, tag: bytes, packed: bytes) -> Any:
        packing = self._row_packing if self.is_row(packed) else self._packing
        assert packing is not None  # noqa: S101 - or nobody sleeps
        return packing.unpack(tag, packed, _HEAD.size)

    def _plain_flow(self, flow: Flow) -> Any:
        listeners = self._listeners
        if flow.listener not in listeners:
            listeners.append(flow.listener)
        hop = flow.hop
        plain = None
        if hop is not None:
            transport = None if hop.transport is None else TRANSPORTS.index(hop.transport)
            plain = hop.host, hop.port, transport, hop.may_be_here
        host, port = flow.remote
        return listeners.index(flow.listener), host, port, flow.connection, plain

    def _flow(self, plain: Any) -> Flow:
        position, host, port, connection, there = plain
        hop = None
        if there is not None:
            name, its_port, transport, may_be_here = there
            over = None if transport is None else TRANSPORTS[transport]
            hop = Hop(name, its_port, over, may_be_here)
        return Flow(self._listeners[position], (host, port), connection, hop)


def _plain_requester(requester: Requester) -> tuple[object, ...]:
    identity = requester.identity
    who = None
    if identity is not None:
        who = *identity.aor, identity.method.value, identity.user
    transport = requester.transport
    return (
        requester.device,
        requester.user_agent,
        None if transport is None else _POSITIONS[transport],
        requester.source_ip,
        who,
    )


def _requester(plain: Any, watcher: Aor) -> Requester:
    device, user_agent, transport, source_ip, who = plain
    over = None if transport is None else TRANSPORTS[transport]
    identity = None
    if who is not None:
        user, domain, method, name = who
        identity = Identity(Aor(user, domain), AuthMethod(method), name)
    return Requester(_WATCHER, watcher, device, user_agent, over, source_ip, None, identity)
