"""How long things take, counted by size; Prometheus calls it a histogram."""

from typing import Final, final


@final
class Histogram:
    """Counts durations by upper bounds. One costs about as much as an addition."""

    __slots__ = ("_least", "bounds", "counts", "examples", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        """Nothing is counted yet.

        Args:
            bounds: the largest duration of each bucket, rising, s; one more has what is longer.
        """
        self.bounds: Final = bounds
        self._least: Final[float] = bounds[0]
        self.counts: Final = [0] * (len(bounds) + 1)
        """How many there are in each bucket, not in those below it as well."""
        self.total: float = 0.0
        """Sum of all durations, s."""
        self.examples: Final[dict[int, tuple[int, float]]] = {}
        """Bucket → the number that came with the last duration in it, and that duration. The first
        bucket has none: nobody asks what was quick."""

    def observe(self, seconds: float, number: int = 0) -> None:
        """Count one.

        Args:
            seconds: how long it took.
            number: by which it is found again; 0 for none.
        """
        self.total += seconds
        if seconds <= self._least:
            # Nearly all are, and pay for nothing else.
            self.counts[0] += 1
            return
        bucket = 0
        for bound in self.bounds:  # Compiled, 0.1 µs less than to search by halves.
            if seconds <= bound:
                break
            bucket += 1
        self.counts[bucket] += 1
        if number:
            self.examples[bucket] = (number, seconds)
