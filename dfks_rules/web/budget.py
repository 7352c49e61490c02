"""How much of the event loop HTTP may take: phones come first."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Generator
from typing import Any, Generic, TypeVar

T = TypeVar("T")

SHARE = 0.2
"""Most of the loop's time that requests may take, over a second."""
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

    def admits(self, caller: str, now: float, share: float = SHARE) -> bool:
        """Whether a request may be served; it counts if so.

        Args:
            caller: who asks.
            now: monotonic seconds.
            share: of the loop's time that may have been taken by then.
        """
        if now - self._begun >= _WINDOW:
            self._begun, self._spent = now, 0.0
        if self._spent >= share * _WINDOW:
            return False
        most = 2 * self._per_caller
        left, since = self._left.pop(caller, (most, now))
        left = min(most, left + (now - since) * self._per_caller)
        may = left >= 1
        self._left[caller] = (left - may, now)
        if len(self._left) > MAX_CALLERS:
            self._left.popitem(last=False)
        self._spent += OF_HTTP if may else 0.0
        return may

    def spend(self, seconds: float) -> None:
        """Time of the loop was taken."""
        self._spent += seconds


class Timed(Generic[T]):
    """Awaits something; charges a budget for the time in which the loop does nothing else."""

    def __init__(self, what: Awaitable[T], budget: Budget) -> None:
        self._what = what
        self._budget = budget

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
                self._budget.spend(time.perf_counter() - begun)
                # An error would else be held by its own traceback.
                value = None
            try:
                value, send = (yield waits), steps.send
            except BaseException as error:  # noqa: BLE001 - it is the awaited one's
                value, send = error, steps.throw
