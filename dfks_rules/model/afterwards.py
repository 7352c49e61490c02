"""What is to be done once what came in is worked on, in the same turn of the event loop.

`call_soon` would have it done in the next turn, which looks at all sockets first: 5 µs where the
processor is busy, and 10 to 20 where it was asleep.
"""

from collections import deque
from collections.abc import Callable
from typing import Final, final

Do = Callable[[], object]


@final
class Afterwards:
    """Calls at the end of what is being worked on; of an event loop's next turn if nothing is."""

    def __init__(self, call_soon: Callable[[Do], object]) -> None:
        """Nothing is being worked on.

        Args:
            call_soon: has something called in the next turn.
        """
        self._call_soon: Final = call_soon
        self._works = False
        self._waiting: Final[deque[Do]] = deque()

    def call(self, do: Do) -> None:
        """Have something called once, after all that was asked for before."""
        if self._works:
            self._waiting.append(do)
        else:
            self._call_soon(do)

    def begin(self) -> None:
        """Something is worked on from now on."""
        self._works = True

    def end(self) -> None:
        """It is done: what it has asked for is called now, and what that asks for."""
        waiting = self._waiting
        try:
            while waiting:
                waiting.popleft()()
        finally:
            self._works = False
            while waiting:  # One has raised, which must not cost the others their turn.
                self._call_soon(waiting.popleft())
