"""What is measured, each figure in slices that can take turns with those of something else."""

import json
import socket
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count, cycle, islice
from typing import NamedTuple

from bench.load import Phones
from bench.server import Bare, Served, cpu_seconds

SLICE = 1_000
"""Cycles of one slice, where phones do not wait for anything but answers."""
WINDOW = 64
"""Cycles that are always under way then."""
PACED = 0.5
"""Seconds of one slice where messages come at a fixed rate."""
LONE = 20
"""Requests a second that find a server which has gone to sleep."""
_SETTERS = range(1_000_000, 1_000_000 + SLICE)
"""Phones whose presentity nobody else watches."""
_USERS = 2_000_000
SET_FORWARDING = (
    b'<?xml version="1.0" encoding="UTF-8"?><SetForwarding xmlns="http://www.ecma-international.org/'
    b'standards/ecma-323/csta/ed3"><device/><forwardDN>%d</forwardDN><forwardingType>forwardImmediate'
    b"</forwardingType><activateForward>true</activateForward></SetForwarding>"
)


class Pace(NamedTuple):
    """How messages are sent."""

    window: int = 0
    """Cycles that are always under way; 0: at a fixed rate."""
    rate: float = 0
    """Messages a second."""

    @property
    def cycles(self) -> int:
        """Of one slice."""
        return SLICE if self.window else int(self.rate * PACED)

    def run(self, phones: Phones, messages: list[bytes], *, bare: bool = False) -> int:
        """Send them; how many cycles were done."""
        if self.window:
            return phones.run(messages, self.window, bare=bare)
        return phones.paced(messages, self.rate, bare=bare)


class Side:
    """A server, and all that ask it."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.phones = Phones(served.sip)
        self._numbers = count(SLICE)
        """Of phones that never asked."""
        self._turns = count(2)
        """CSeq of a slice's requests; also what makes each set another one."""
        self._has_setters = False
        self._fans: dict[int, tuple[Phones, Iterator[int]]] = {}
        """Watchers → they, and what is set next."""
        self._operator = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._operator.connect(served.mi)

    def close(self) -> None:
        """Nobody asks any more."""
        for phones in (self.phones, *(fan for fan, _ in self._fans.values())):
            phones.close()
        self._operator.close()

    def fresh(self, cycles: int) -> Iterator[bytes]:
        """New subscriptions, to 1,000 presentities."""
        for _ in range(cycles):
            yield self.phones.message(next(self._numbers), 1)

    def refreshes(self, cycles: int) -> Iterator[bytes]:
        """SUBSCRIBEs without a body, in dialogs."""
        cseq = self._turn()
        for number in _SETTERS[:cycles]:
            yield self.phones.message(number, cseq, users=_USERS)

    def sets(self, cycles: int) -> Iterator[bytes]:
        """Sets that change the state, in dialogs; nobody else is told."""
        cseq = self._turn()
        for number in _SETTERS[:cycles]:
            body = SET_FORWARDING % (number * 10_000 + cseq)
            yield self.phones.message(number, cseq, body, users=_USERS)

    def unsubscriptions(self, cycles: int) -> Iterator[bytes]:
        """The last SUBSCRIBEs of dialogs that were made just before."""
        numbers = [next(self._numbers) for _ in range(cycles)]
        self.phones.run((self.phones.message(number, 1) for number in numbers), WINDOW)
        for number in numbers:
            yield self.phones.message(number, 2, expires=0)

    def _turn(self) -> int:
        if not self._has_setters:
            self._has_setters = True
            fresh = (self.phones.message(number, 1, users=_USERS) for number in _SETTERS)
            self.phones.run(fresh, WINDOW)
        return next(self._turns)

    def tell(self, watchers: int) -> Callable[[], int]:
        """Sets by an operator that so many phones are told of: SLICE NOTIFYs, at most 100 sets."""
        if watchers not in self._fans:
            fan = Phones(self.served.sip)
            fan.presentity = b"fan%d" % watchers
            fan.run((fan.message(number, 1) for number in range(watchers)), WINDOW)
            self._fans[watchers] = fan, cycle((1, 0))
        fan, statuses = self._fans[watchers]
        turns = min(100, SLICE // watchers)
        user = f"sip:{fan.presentity.decode()}@bench.test"
        calls = [_call(user, status) for status in islice(statuses, turns)]

        def told() -> int:
            for call in calls:
                fan.drain(watchers, partial(self._operator.send, call))
            return turns * watchers

        return told


def _call(user: str, status: int) -> bytes:
    params = [user, "DoNotDisturb", status]
    call = {"jsonrpc": "2.0", "id": "1", "method": "dfks_set_feature", "params": params}
    return json.dumps(call).encode()


class Figure(NamedTuple):
    """CPU of one cycle, or of one NOTIFY."""

    prepare: Callable[[Side], Callable[[], int]]
    """Does what is not measured; gives what is, which says how many cycles it did."""
    pace: Pace
    """Of the bare loop beside it."""
    bar: float | None = None
    """Times the bare loop."""
    is_half: bool = False
    """Whether it is half a cycle: one send and one receive."""

    def cost(self, side: Side) -> float:
        """CPU of each cycle of one slice, µs."""
        work = self.prepare(side)
        before = cpu_seconds(side.served.pid)
        done = work()
        return (cpu_seconds(side.served.pid) - before) / done * 1e6

    def floor(self, bare: Bare) -> float:
        """The same of a bare loop of the same system calls."""
        phones = Phones(bare.address)
        messages = [phones.message(number, 1) for number in range(self.pace.cycles)]
        before = cpu_seconds(bare.pid)
        done = self.pace.run(phones, messages, bare=True)
        phones.close()
        cost = (cpu_seconds(bare.pid) - before) / done * 1e6
        return cost / 2 if self.is_half else cost


def _cycles(
    messages: Callable[[Side, int], Iterator[bytes]], pace: Pace, bar: float | None = None
) -> Figure:
    def prepare(side: Side) -> Callable[[], int]:
        # Made in advance: at a fixed rate a load that makes them would be late.
        built = list(messages(side, pace.cycles))
        return lambda: pace.run(side.phones, built)

    return Figure(prepare, pace, bar)


def _fan(watchers: int, bar: float | None = None) -> Figure:
    return Figure(lambda side: side.tell(watchers), Pace(WINDOW), bar, is_half=True)


FIGURES = {
    "initial": _cycles(Side.fresh, Pace(WINDOW), 3.0),
    "refresh": _cycles(Side.refreshes, Pace(WINDOW), 2.4),
    "set": _cycles(Side.sets, Pace(WINDOW), 6.5),
    "set_20": _cycles(Side.sets, Pace(20), 8.0),
    "set_200": _cycles(Side.sets, Pace(200)),
    "unsubscribe": _cycles(Side.unsubscriptions, Pace(WINDOW)),
    "initial_2000/s": _cycles(Side.fresh, Pace(rate=2_000)),
    "refresh_2000/s": _cycles(Side.refreshes, Pace(rate=2_000)),
    "set_2000/s": _cycles(Side.sets, Pace(rate=2_000)),
    "set_500/s": _cycles(Side.sets, Pace(rate=500)),
    "set_lone": _cycles(Side.sets, Pace(rate=LONE)),
    "fan_out": _fan(1_000, 1.8),
    "fan_out_100": _fan(100),
    "fan_out_10": _fan(10),
    "fan_out_1": _fan(1),
}
"""By the names that `--only` takes."""
