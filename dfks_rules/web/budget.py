"""How much of the event loop HTTP may take: phones come first, and no caller takes all."""

import time
from collections import OrderedDict, defaultdict
from collections.abc import Awaitable, Callable, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")

SHARE = 0.2
"""Most of the loop's time that requests may take, over a second."""
SHARE_OF_OTHERS = 0.05
"""What is left besides for callers who have taken little: one who asks a lot keeps nobody out."""
LITTLE = 0.02
"""So much, over a second."""
SHARE_OF_WATCHING = 0.3
"""The same for what watches the server: it must not seem to be down because others ask a lot."""
OF_HTTP = 100e-6
"""Seconds that reading a request and writing its response take, beside the operation."""
_WINDOW = 1.0
MAX_CALLERS = 10_000
"""Callers whose rate is known; the one heard of longest ago is forgotten first."""


class Budget:
    """Says whether one more request may be served now."""

    def __init__(self, per_caller: float) -> None:
        """Nothing is spent.

        Args:
            per_caller: requests a second; twice as many may come at once.
        """
        self._per_caller = per_caller
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Name → requests left, and when that was."""
        self._begun = 0.0
        self._spent = 0.0
        self._spent_by: defaultdict[str, float] = defaultdict(float)

    def admits(self, caller: str, now: float, share: float = SHARE) -> bool:
        """Whether a request may be served; it counts if so.

        Args:
            caller: who asks.
            now: monotonic seconds.
            share: of the loop's time that may have been taken by then.
        """
        if now - self._begun >= _WINDOW:
            self._begun, self._spent = now, 0.0
            self._spent_by.clear()
        if self._spent_by[caller] < LITTLE * _WINDOW:
            share = max(share, SHARE + SHARE_OF_OTHERS)
        if self._spent >= share * _WINDOW:
            return False
        most = 2 * self._per_caller
        left, since = self._left.pop(caller, (most, now))
        left = min(most, left + (now - since) * self._per_caller)
        may = left >= 1
        self._left[caller] = (left - may, now)
        if len(self._left) > MAX_CALLERS:
            self._left.popitem(last=False)
        if may:
            self.spend(caller, OF_HTTP)
        return may

    def spend(self, caller: str, seconds: float) -> None:
        """Time of the loop was taken for somebody."""
        self._spent += seconds
        self._spent_by[caller] += seconds


class Timed(Generic[T]):
    """Awaits something; charges for the time in which the loop does nothing else."""

    def __init__(self, what: Awaitable[T], spend: Callable[[float], None]) -> None:
        self._what = what
        self._spend = spend

    def __await__(self) -> Generator[Any, Any, T]:
        steps = self._what.__await__()
        send: Any = steps.send
        value: Any = None
        while True:
            begun = time.perf_counter()
            try:
                waits = send(value)
            except StopIteration as stopped:
                result: T = stopped.value
                return result
            finally:
                self._spend(time.perf_counter() - begun)
                # An error would else be held by its own traceback.
                value = None
            try:
                value, send = (yield waits), steps.send
            except BaseException as error:  # noqa: BLE001 - it is the awaited one's
                value, send = error, steps.throw
