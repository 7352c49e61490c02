"""A switch in memory, for tests of what a bridge does with any switch."""

from collections.abc import Mapping

from dfks_rules.bridges.ports import Kept, SwitchLostError, SwitchRefusedError
from dfks_rules.bridges.states import FEATURES, OFF, CallState
from dfks_rules.model.features import Feature


class SwitchInMemory:
    """Reference: `bridges.ports.Switch`."""

    def __init__(self, *extensions: str) -> None:
        self.kept = {one: dict.fromkeys(FEATURES, OFF) for one in extensions}
        self.changed_at = 0.0
        self.written: list[tuple[str, Feature, CallState]] = []
        self.away = 0
        """How many more requests fail since it is away."""
        self.refuses = False
        self.forgets = False
        """Whether it says that it has written, and has not."""
        self.connects = 0
        self.is_closed = False

    async def connect(self) -> None:
        """Count it."""
        self._look()
        self.connects += 1

    async def read(self, extension: str) -> Kept | None:
        """What it keeps."""
        self._look()
        states = self.kept.get(extension)
        return None if states is None else Kept(dict(states), self.changed_at)

    async def read_all(self) -> Mapping[str, Kept]:
        """All that it keeps."""
        self._look()
        return {one: Kept(dict(states)) for one, states in self.kept.items()}

    async def write(self, extension: str, feature: Feature, state: CallState) -> None:
        """Keep it."""
        self._look()
        if self.refuses:
            raise SwitchRefusedError("not this one")
        self.written.append((extension, feature, state))
        if not self.forgets:
            self.kept[extension][feature] = state

    async def close(self) -> None:
        """Note it."""
        self.is_closed = True

    def _look(self) -> None:
        if self.away:
            self.away -= 1
            raise SwitchLostError("it is away")
