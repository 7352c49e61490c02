"""At which addresses phones may be told: who has shown that it wants our NOTIFYs.

A SUBSCRIBE over UDP proves nothing: whoever forges one could have us send NOTIFYs to anybody. So an
address that has shown nothing is sent very little.

Whether the address that NOTIFYs go to has shown that it wants them:

| proof    | input                                          | next                      |
|----------|------------------------------------------------|---------------------------|
| (none)   | SUBSCRIBE that proves it (`proof_of`)          | proved                    |
| (none)   | SUBSCRIBE over a stream, Contact elsewhere     | answers                   |
| (none)   | any other                                      | unproved                  |
| unproved | 2xx to its NOTIFY, or a 401 or 407 for which   | proved; a name: answers   |
|          | there are credentials                          |                           |
| any      | SUBSCRIBE in its dialog that shows something   | as for (none)             |
| any      | SUBSCRIBE in its dialog, from the one host     | proved                    |
|          | that our tag and our NOTIFYs go to             |                           |
| proved,  | another one that directs NOTIFYs elsewhere     | unproved                  |
| answers  |                                                |                           |
| any      | the same, and it is unproved, or there the     | terminated, without       |
|          | host has `DIALOGS_PER_HOST`                    | NOTIFY; answered 481      |
| unproved | no response, and no SUBSCRIBE in its dialog    | terminated, without NOTIFY|
|          | could prove it: our tag is known elsewhere     |                           |
| unproved | it is the oldest of too many (`guard`)         | terminated, without NOTIFY|
| answers  | no response                                    | terminated, without NOTIFY|

Where a limit is reached (`limits`), it stays as it is: the SUBSCRIBE is refused, or the 2xx is in
vain.

While an address is unproved, one NOTIFY is sent, and once more if it is not answered. All else
waits; it is sent as soon as the address is proved. Nothing is said again after 64 s.

Reference: docs/decisions/0015-proved-contacts.md
"""

from collections import deque
from enum import Enum
from typing import Final, final

from dfks_rules.model.identity import AuthMethod, Identity
from dfks_rules.sip.flow import Flow
from dfks_rules.sip.host import network_of
from dfks_rules.sip.incoming import Incoming
from dfks_rules.sip.timers import TIMEOUT

UNPROVED_SENDINGS = 2
"""How often a NOTIFY is sent to an address that is not proved; with the 200, three datagrams."""
REMEMBERED = 65_536
"""Addresses that are remembered for having accepted a NOTIFY, about 150 bytes each."""
DIALOGS_PER_HOST = 10
"""Unproved dialogs that one host may have at once."""
COUNTED = 65_536
"""Unproved dialogs that are counted in all, about 250 bytes each."""


class Proof(Enum):
    """Whether the address that NOTIFYs go to has shown that it wants them."""

    UNPROVED = "unproved"
    """Not yet."""
    ANSWERS = "answers"
    """It answers, but the next NOTIFY may go to another host: its Contact is a name, or it takes
    the place of a stream. It is told for as long as it answers."""
    PROVED = "proved"


# CPython 3.11 calls a Python function for each look at a member of an Enum.
_UNPROVED: Final = Proof.UNPROVED
_ANSWERS: Final = Proof.ANSWERS
_PROVED: Final = Proof.PROVED


def proof_of(
    incoming: Incoming, flow: Flow, identity: Identity | None, contacts: "Contacts"
) -> Proof:
    """What a SUBSCRIBE shows of the address that its NOTIFYs would go to.

    Args:
        incoming: the SUBSCRIBE.
        flow: where NOTIFYs would go.
        identity: who sent it, where phones authenticate.
        contacts: the addresses that have accepted a NOTIFY.
    """
    if identity is not None and identity.method is AuthMethod.TRUSTED:
        return _PROVED
    source = incoming.flow
    is_seen = source.listener.reliable or identity is not None
    if is_seen and flow.remote[0] == source.remote[0]:
        return _PROVED
    if flow.connection:
        return _ANSWERS
    return _PROVED if contacts.has(flow) else _UNPROVED


def host_of(flow: Flow) -> str:
    """The host that NOTIFYs hit, as it is counted: an IPv4 address, or a /64 of IPv6.

    A name stands for itself until it is looked up, see `Unproved.move`: whoever owns a domain can
    give any number of names to a victim.
    """
    return network_of(flow.remote[0])


@final
class Contacts:
    """The addresses that have accepted a NOTIFY; where it is full, the longest unused is forgotten.

    A name is never there: it may belong to another address the next moment.
    """

    def __init__(self, at_most: int = REMEMBERED) -> None:
        self._at_most = at_most
        self._known: dict[tuple[str, int], None] = {}

    def __len__(self) -> int:
        return len(self._known)

    def has(self, flow: Flow) -> bool:
        """Whether NOTIFYs are known to be wanted there."""
        if flow.hop is not None or flow.remote not in self._known:
            return False
        self._known[flow.remote] = self._known.pop(flow.remote)
        return True

    def add(self, flow: Flow) -> None:
        """A NOTIFY was accepted there."""
        if flow.hop is not None:
            return
        self._known.pop(flow.remote, None)
        if len(self._known) >= self._at_most:
            del self._known[next(iter(self._known))]
        self._known[flow.remote] = None


@final
class Unproved:
    """How many unproved dialogs each host has.

    A dialog counts until it is proved, or for as long as its NOTIFY could be answered. An error
    response does not end that: who gives one wants no more of them.
    """

    def __init__(self, per_host: int = DIALOGS_PER_HOST, at_most: int = COUNTED) -> None:
        self._per_host: Final = per_host
        self._at_most: Final = at_most
        self._counts: dict[str, int] = {}
        self._by_tag: dict[bytes, tuple[str, float]] = {}
        """Host, and when the dialog stops counting, monotonic seconds."""
        self._ends: deque[tuple[float, bytes]] = deque()
        """When each stops counting (monotonic seconds), in order; some have stopped before."""

    def __len__(self) -> int:
        return len(self._by_tag)

    def has(self, tag: bytes) -> bool:
        """Whether a dialog counts."""
        return tag in self._by_tag

    def has_room(self, host: str, now: float) -> bool:
        """Whether a host may have one more."""
        self._expire(now)
        return self._counts.get(host, 0) < self._per_host

    def add(self, tag: bytes, host: str, now: float) -> None:
        """A dialog was made whose NOTIFYs go to this host."""
        ends = now + TIMEOUT
        self.remove(tag)
        self._by_tag[tag] = host, ends
        self._counts[host] = self._counts.get(host, 0) + 1
        self._ends.append((ends, tag))
        if len(self._ends) > self._at_most:
            self._end_first()

    def move(self, tag: bytes, host: str, now: float) -> bool:
        """The name that a dialog counted for is that of this host; whether that has room."""
        found = self._by_tag.get(tag)
        if found is not None and found[0] == host:
            return True
        if not self.has_room(host, now):
            return False
        self.remove(tag)
        self.add(tag, host, now)
        return True

    def remove(self, tag: bytes) -> None:
        """The dialog counts no longer; nothing happens when it did not."""
        found = self._by_tag.pop(tag, None)
        if found is None:
            return
        host = found[0]
        left = self._counts[host] - 1
        if left:
            self._counts[host] = left
        else:
            del self._counts[host]

    def _expire(self, now: float) -> None:
        while self._ends and self._ends[0][0] <= now:
            self._end_first()

    def _end_first(self) -> None:
        ends, tag = self._ends.popleft()
        found = self._by_tag.get(tag)
        # It may count for another host meanwhile, and end later.
        if found is not None and found[1] == ends:
            self.remove(tag)
