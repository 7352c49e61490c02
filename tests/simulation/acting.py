"""What happens again and again in a history, and what phones ask for."""

from collections.abc import Callable
from math import inf

from tests.helpers.history import States
from tests.simulation.phone import Phone
from tests.simulation.wire import CFA, DND
from tests.simulation.world import World


class Acting:
    """A history in which phones act."""

    def __init__(self, world: World, acts_until: float) -> None:
        """Nothing has happened.

        Args:
            world: has the time, and the chance.
            acts_until: when phones ask for nothing new any more.
        """
        self.world = world
        self._acts_until = acts_until
        self._values = 0
        self._toggles = 0.2
        """Share of sets that turn "do not disturb" on or off, which is not unique."""
        self._is_quiet = False

    def _every(self, mean: float, what: Callable[..., None], *arguments: object) -> None:
        """Have something happen again and again, until it is quiet."""
        if mean < inf:
            wait = self.world.random.expovariate(1.0 / mean)
            self.world.later(wait, self._happen, mean, what, arguments)

    def _happen(
        self, mean: float, what: Callable[..., None], arguments: tuple[object, ...]
    ) -> None:
        if not self._is_quiet:
            what(*arguments)
            self._every(mean, what, *arguments)

    def _act(self, phone: Phone) -> None:
        if self.world.now > self._acts_until:
            return
        random = self.world.random.random()
        if phone.is_busy and random < 0.9:
            return
        if random < 0.70:
            phone.subscribe(self._sets())
        elif random < 0.80:
            phone.subscribe()
        elif random < 0.85:
            phone.begin(self._sets() if random < 0.83 else None)
        elif random < 0.90:
            phone.begin(self._sets(), is_fetch=True)
        elif phone.has_dialog:
            phone.unsubscribe(self._sets() if random < 0.95 else None)
        else:
            phone.begin()

    def _sets(self) -> States:
        if self.world.random.random() < self._toggles:
            return {DND: self.world.random.choice(("on", "off"))}
        self._values += 1
        return {CFA: f"on {self._values}"}
