"""A loop whose time is a number: for what arms timers."""

from collections.abc import Callable


class Call:
    """A call that is due."""

    def __init__(self, when: float, callback: Callable[[], object]) -> None:
        self.when = when
        self.callback = callback
        self.is_cancelled = False

    def cancel(self) -> None:
        """Do not call."""
        self.is_cancelled = True


class ClockLoop:
    """Calls when the test lets time go by."""

    def __init__(self) -> None:
        self.now = 0.0
        self._calls: list[Call] = []

    def time(self) -> float:
        """The test's time."""
        return self.now

    def call_at(self, when: float, callback: Callable[[], object], /) -> Call:
        """Keep the call."""
        self._calls.append(Call(when, callback))
        return self._calls[-1]

    @property
    def due(self) -> list[float]:
        """When the calls that are not cancelled are due."""
        return sorted(call.when for call in self._calls if not call.is_cancelled)

    def run_until(self, end: float) -> list[float]:
        """Let time go by; when calls were made."""
        made = []
        while self.due and self.due[0] <= end:
            call = min((one for one in self._calls if not one.is_cancelled), key=lambda c: c.when)
            self._calls.remove(call)
            self.now = max(self.now, call.when)
            made.append(self.now)
            call.callback()
        self.now = end
        return made
