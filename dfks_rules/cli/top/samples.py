"""What `/metrics` said, second by second: counters → rates, histograms → quantiles."""

import re
from collections import deque
from collections.abc import Mapping

Labels = tuple[tuple[str, str], ...]
"""Names and values, by name."""

_LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: .*)?")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(r"\\(.)")
_KEPT = 60
"""Samples that are kept."""


class Sample:
    """All metrics at one moment."""

    def __init__(self, text: str, at: float) -> None:
        """Read what Prometheus would read.

        Args:
            text: in the text format of Prometheus; lines that are none are passed over.
            at: monotonic seconds.
        """
        self.at = at
        self._values: dict[str, dict[Labels, float]] = {}
        for line in text.splitlines():
            found = None if line.startswith("#") else _LINE.fullmatch(line)
            if found is None:
                continue
            try:
                value = float(found[3])
            except ValueError:
                continue
            self._values.setdefault(found[1], {})[_labels(found[2] or "")] = value

    def of(self, name: str) -> Mapping[Labels, float]:
        """The values of a metric, by its labels."""
        return self._values.get(name, {})

    def sum(self, name: str, labels: Mapping[str, str] = {}) -> float | None:
        """The sum of those with these labels; None where there is none."""
        wanted = set(labels.items())
        found = [value for key, value in self.of(name).items() if wanted <= set(key)]
        return sum(found) if found else None

    def label(self, name: str, label: str) -> str | None:
        """The value of a label of a metric that has one series."""
        for key in self.of(name):
            return dict(key).get(label)
        return None


class Samples:
    """The samples of the last minute."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque(maxlen=_KEPT + 1)

    def add(self, sample: Sample) -> None:
        """The newest one; after a restart of the server, counters begin anew."""
        started = "process_start_time_seconds"
        if self._samples and self._samples[-1].sum(started) != sample.sum(started):
            self._samples.clear()
        self._samples.append(sample)

    @property
    def newest(self) -> Sample | None:
        """None before the first."""
        return self._samples[-1] if self._samples else None

    def rate(self, name: str, labels: Mapping[str, str] = {}, seconds: int = 1) -> float | None:
        """By how much a counter rises in a second.

        Args:
            name: of the metric.
            labels: of the series that are added up.
            seconds: samples that it is averaged over.
        """
        pair = self._pair(seconds)
        if pair is None:
            return None
        old, new = pair
        after = new.sum(name, labels)
        if after is None:
            return None
        risen = after - (old.sum(name, labels) or 0.0)
        return max(0.0, risen) / max(new.at - old.at, 1e-3)

    def risen(self, name: str, seconds: int = _KEPT) -> dict[Labels, int]:
        """By how much each series of a counter has risen; those that have not are left out."""
        pair = self._pair(seconds)
        if pair is None:
            return {}
        old, new = pair[0].of(name), pair[1].of(name)
        risen = {key: int(value - old.get(key, 0.0)) for key, value in new.items()}
        return {key: count for key, count in risen.items() if count > 0}

    def quantile(
        self, name: str, part: float, labels: Mapping[str, str] = {}, seconds: int = _KEPT
    ) -> float | None:
        """Below which value a part of what a histogram has counted lies; None: it counted nothing.

        Args:
            name: of the histogram.
            part: 0.99 for p99.
            labels: of its series.
            seconds: samples that are looked at.
        """
        pair = self._pair(seconds)
        if pair is None:
            return None
        buckets = _buckets(pair[0], pair[1], name, labels)
        if not buckets or buckets[-1][1] <= 0:
            return None
        wanted = part * buckets[-1][1]
        below, floor = 0.0, 0.0
        for bound, count in buckets:
            if count >= wanted:
                if bound == float("inf") or count == below:
                    return floor
                return floor + (bound - floor) * (wanted - below) / (count - below)
            below, floor = count, bound
        return floor

    def _pair(self, seconds: int) -> tuple[Sample, Sample] | None:
        """Two samples that are so far apart, or as far as there are."""
        if len(self._samples) < 2:
            return None
        return self._samples[max(0, len(self._samples) - 1 - seconds)], self._samples[-1]


def _buckets(
    old: Sample, new: Sample, name: str, labels: Mapping[str, str]
) -> list[tuple[float, float]]:
    """Upper bounds and how often the value was below, by bound."""
    risen: dict[float, float] = {}
    wanted = set(labels.items())
    before = old.of(f"{name}_bucket")
    for key, value in new.of(f"{name}_bucket").items():
        if wanted <= set(key):
            bound = float(dict(key)["le"])
            risen[bound] = risen.get(bound, 0.0) + value - before.get(key, 0.0)
    return sorted(risen.items())


def _labels(text: str) -> Labels:
    found = ((name, _ESCAPE.sub(_unescaped, value)) for name, value in _LABEL.findall(text))
    return tuple(sorted(found))


def _unescaped(found: re.Match[str]) -> str:
    return "\n" if found[1] == "n" else found[1]
