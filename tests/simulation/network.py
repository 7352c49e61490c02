"""A network that loses, repeats, delays and reorders datagrams, and cuts phones off."""

from collections.abc import Callable
from typing import NamedTuple

from tests.simulation.world import World


class Weather(NamedTuple):
    """How bad the network is."""

    delay: float = 0.02
    """Most seconds that a datagram usually takes."""
    loss: float = 0.0
    """Share of datagrams that are lost."""
    repeats: float = 0.0
    """Share of datagrams that come twice."""
    late: float = 0.0
    """Share of datagrams that take up to 3 s, so that others overtake them."""


CALM = Weather()


class Network:
    """All links between phones and the server."""

    def __init__(self, world: World, weather: Weather) -> None:
        self._world = world
        self.weather = weather
        self._cut: dict[object, float] = {}

    def cut(self, end: object, seconds: float) -> None:
        """Whatever goes to or comes from there is lost for so long."""
        self._cut[end] = self._world.now + seconds
        self._world.count("links_cut")

    def heal(self) -> None:
        """Nobody is cut off any more."""
        self._cut.clear()

    def is_cut(self, end: object) -> bool:
        """Whether nothing comes through at the moment."""
        return self._cut.get(end, 0.0) > self._world.now

    def carry(self, end: object, deliver: Callable[..., object], *arguments: object) -> None:
        """Bring a datagram to its receiver: once, or never, or twice.

        Args:
            end: the phone at whose link it is.
            deliver: takes it there.
            arguments: for `deliver`.
        """
        world, weather = self._world, self.weather
        random = world.random.random
        if random() < weather.loss or self._cut.get(end, 0.0) > world.now:
            world.count("datagrams_lost")
            return
        times = 1
        if random() < weather.repeats:
            world.count("datagrams_doubled")
            times = 2
        for _ in range(times):
            delay = 0.001 + random() * weather.delay
            if random() < weather.late:
                world.count("datagrams_late")
                delay += 3.0 * random()
            world.later(delay, deliver, *arguments)
