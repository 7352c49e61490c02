"""An event loop with simulated time, for code that arms timers."""

from collections.abc import Callable


class Call:
    """A scheduled call."""

    def __init__(self, when: float, callback: Callable[[], object]) -> None:
        self.when = when
        self.callback = callback
        self.is_cancelled = False

    def cancel(self) -> None:
        """Cancel the call."""
        self.is_cancelled = True


class ClockLoop:
    """An event loop that makes scheduled calls as the test advances time."""

    def __init__(self) -> None:
        self.now = 0.0
        self._calls: list[Call] = []

    def time(self) -> float:
        """The simulated time, seconds."""
        return self.now

    def call_at(self, when: float, callback: Callable[[], object], /) -> Call:
        """Schedule a call."""
        self._calls.append(Call(when, callback))
        return self._calls[-1]

    def call_soon(self, callback: Callable[[], object], /) -> Call:
        """Schedule a call for the end of this turn."""
        return self.call_at(self.now, callback)

    @property
    def due(self) -> list[float]:
        """The times at which the calls that are not cancelled are due."""
        return sorted(call.when for call in self._calls if not call.is_cancelled)

    def run_until(self, end: float) -> list[float]:
        """Advance time; gives the times at which calls were made."""
        made = []
        while self.due and self.due[0] <= end:
            call = min((one for one in self._calls if not one.is_cancelled), key=lambda c: c.when)
            self._calls.remove(call)
            self.now = max(self.now, call.when)
            made.append(self.now)
            call.callback()
        self.now = end
        return made
