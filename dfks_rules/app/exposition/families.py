"""Readings of rooms → the metrics of prometheus_client, in portions that take little time."""

from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate
from typing import NamedTuple

from prometheus_client.core import Exemplar, Metric, Sample
from prometheus_client.utils import floatToGoString

from dfks_rules.app.exposition.table import Family, Kind
from dfks_rules.model.histogram import Histogram

PORTION = 32
"""Most samples that are written in one go, unless a single series has more: about 0.5 ms."""

NameOf = Callable[[int], str]
"""Number of a decision → its id."""


class Reading(NamedTuple):
    """One series of a metric at the moment."""

    value: float | Histogram
    labels: tuple[str, ...] = ()
    """In the order of the table."""
    decision: int = 0
    """Number of the last decision that was counted in it; 0 for none."""


def portions(family: Family, readings: Iterable[Reading], name_of: NameOf) -> Iterator[Metric]:
    """A metric, in as many parts as it takes; none where there is no reading.

    A histogram is never parted: its buckets are read in one go, so that they add up.

    Args:
        family: the metric.
        readings: its series; they are taken as each part is asked for.
        name_of: what decisions are called.
    """
    part = _part(family)
    for reading in readings:
        part.samples += _samples(family, reading, name_of)
        if len(part.samples) >= PORTION:
            yield part
            part = _part(family)
    if part.samples:
        yield part


def _part(family: Family) -> Metric:
    name = family.name
    if family.kind is Kind.COUNTER:
        name = name.removesuffix("_total")
    return Metric(name, family.help, family.kind.value)


def _samples(family: Family, reading: Reading, name_of: NameOf) -> list[Sample]:
    labels = dict(zip(family.labels, reading.labels, strict=True))
    value = reading.value
    if isinstance(value, Histogram):
        return _buckets(family.name, labels, value, name_of)
    exemplar = None
    if reading.decision:
        exemplar = Exemplar({"decision": name_of(reading.decision)}, 1.0)
    return [Sample(family.name, labels, value, None, exemplar)]


def _buckets(
    name: str, labels: dict[str, str], histogram: Histogram, name_of: NameOf
) -> list[Sample]:
    bounds = [*map(floatToGoString, histogram.bounds), "+Inf"]
    examples = histogram.examples
    samples = []
    count = 0
    for bucket, (bound, count) in enumerate(zip(bounds, accumulate(histogram.counts), strict=True)):
        exemplar = None
        if bucket in examples:
            number, seconds = examples[bucket]
            exemplar = Exemplar({"decision": name_of(number)}, seconds)
        samples.append(Sample(f"{name}_bucket", {**labels, "le": bound}, count, None, exemplar))
    samples.append(Sample(f"{name}_count", labels, count))
    samples.append(Sample(f"{name}_sum", labels, histogram.total))
    return samples
