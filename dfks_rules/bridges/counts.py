"""What a bridge has done since it started."""

from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Counts:
    """Plain counters."""

    events: int = 0
    """Changes that the server told of."""
    skipped: int = 0
    """Of them: those that were dealt with already, such as our own."""
    hints: int = 0
    """Times the switch told that an extension has changed."""
    sweeps: int = 0
    """Times all extensions were compared."""
    gaps: int = 0
    """Times events were lost, so that everything was compared."""
    to_switch: int = 0
    """States written to the switch."""
    to_server: int = 0
    """States set at the server."""
    refused: int = 0
    """Sets that the server refused; the switch was given back what holds."""
    switch_refused: int = 0
    """States that the switch did not take."""
    not_dialled: int = 0
    """Times a target was found that the switch cannot dial; it keeps the feature off."""
    unknown: int = 0
    """Changes of presentities that the switch does not have."""
    unsettled: int = 0
    """Times both still differed after several rounds; the next sweep tries again."""
    switch_lost: int = 0
    """Times the switch could not be asked."""
    server_lost: int = 0
    """Times the server could not be asked."""

    @property
    def line(self) -> str:
        """All of them, as `name=value`."""
        return " ".join(f"{name}={value}" for name, value in asdict(self).items())
