"""Rates and quantiles from what `/metrics` said."""

import math

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from dfks_rules.cli.top.samples import Sample, Samples


def test_what_prometheus_writes_is_read() -> None:
    """With any label; other lines are passed over."""
    registry = CollectorRegistry()
    counter = Counter("denials", "d", ["rule", "reason"], registry=registry)
    counter.labels('a"\\\n,b="c"', "no").inc(2)
    counter.labels("p/r", "no").inc()
    sample = Sample(generate_latest(registry).decode() + "nonsense\nx y\n", 0.0)
    assert sample.sum("denials_total") == 3
    assert sample.sum("denials_total", {"rule": 'a"\\\n,b="c"'}) == 2
    assert sample.sum("denials_total", {"rule": "other"}) is None
    assert (sample.sum("nothing"), sample.label("nothing", "x")) == (None, None)
    assert Sample('i{version="1",p="2"} 1 # {x="y"} 1', 0).label("i", "version") == "1"


def test_a_counter_becomes_a_rate() -> None:
    """Over the seconds that have passed, of the series that are meant."""
    samples = Samples()
    assert samples.rate("a_total") is None
    samples.add(Sample('a_total{x="1"} 10\na_total{x="2"} 5', 10.0))
    assert samples.rate("a_total") is None
    samples.add(Sample('a_total{x="1"} 30\na_total{x="2"} 5\nb_total 7', 12.0))
    assert samples.rate("a_total") == 10
    assert samples.rate("a_total", {"x": "2"}) == 0
    assert samples.rate("b_total") == 3.5
    assert samples.rate("c_total") is None
    assert samples.risen("a_total") == {(("x", "1"),): 20}
    samples.add(Sample('a_total{x="1"} 30\na_total{x="2"} 5', 13.0))
    assert samples.rate("a_total", seconds=60) == pytest.approx(20 / 3)


def test_after_a_restart_rates_begin_anew() -> None:
    """Counters begin at 0: nothing fell."""
    samples = Samples()
    samples.add(Sample("process_start_time_seconds 1\na_total 1000", 1.0))
    samples.add(Sample("process_start_time_seconds 2\na_total 5", 2.0))
    assert samples.rate("a_total") is None
    samples.add(Sample("process_start_time_seconds 2\na_total 6", 3.0))
    assert samples.rate("a_total") == 1


def test_a_histogram_becomes_quantiles_of_the_last_time() -> None:
    """What was before the first sample does not count."""
    registry = CollectorRegistry()
    took = Histogram("took", "t", ["op"], registry=registry, buckets=(0.001, 0.01, 0.1))
    took.labels("set").observe(0.09)
    samples = Samples()
    assert samples.quantile("took", 0.5) is None
    samples.add(Sample(generate_latest(registry).decode(), 0.0))
    samples.add(Sample(generate_latest(registry).decode(), 1.0))
    assert samples.quantile("took", 0.5, {"op": "set"}) is None
    for _ in range(98):
        took.labels("set").observe(0.0005)
    took.labels("set").observe(0.005)
    took.labels("set").observe(7.0)
    samples.add(Sample(generate_latest(registry).decode(), 2.0))
    assert samples.quantile("took", 0.5, {"op": "set"}) == pytest.approx(0.00051, rel=0.01)
    assert samples.quantile("took", 0.99, {"op": "set"}) == pytest.approx(0.01)
    # Nobody knows how much longer than the last bound.
    assert samples.quantile("took", 1.0, {"op": "set"}) == 0.1
    assert samples.quantile("took", 0.5, {"op": "get"}) is None
    assert not math.isnan(samples.quantile("took", 0.5) or 0.0)


def test_only_a_minute_is_kept() -> None:
    """Of one look a second."""
    samples = Samples()
    for second in range(200):
        samples.add(Sample(f"a_total {min(130, second)}", float(second)))
    assert samples.rate("a_total", seconds=1_000) == 0
