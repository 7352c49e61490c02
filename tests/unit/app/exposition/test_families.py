"""Readings become samples, in portions."""

from collections.abc import Iterator

from dfks_rules.app.exposition.families import PORTION, Reading, portions
from dfks_rules.app.exposition.table import TABLE
from dfks_rules.model.histogram import Histogram


def _name(number: int) -> str:
    return f"5ea1ed-{number}"


def test_counter_is_one_sample_for_each_series() -> None:
    """With its labels in the order of the table."""
    (part,) = portions(TABLE["dfks_sip_requests_total"], [Reading(3, ("SUBSCRIBE", "udp"))], _name)
    (sample,) = part.samples
    assert (part.name, part.type) == ("dfks_sip_requests", "counter")
    assert sample.name == "dfks_sip_requests_total"
    assert (sample.labels, sample.value) == ({"method": "SUBSCRIBE", "transport": "udp"}, 3)


def test_buckets_of_a_histogram_have_what_is_below_them_too() -> None:
    """That is how Prometheus has them; ours count each once."""
    histogram = Histogram((0.1, 1.0))
    for seconds in (0.05, 0.06, 0.5, 3.0):
        histogram.observe(seconds)
    (part,) = portions(TABLE["dfks_loop_late_seconds"], [Reading(histogram)], _name)
    buckets = [(one.labels.get("le"), one.value) for one in part.samples]
    total = round(part.samples[-1].value, 6)
    assert buckets[:-1] == [("0.1", 2), ("1.0", 3), ("+Inf", 4), (None, 4)]
    assert [one.name.rpartition("_")[2] for one in part.samples[-2:]] == ["count", "sum"]
    assert total == 3.61


def test_last_decision_of_a_bucket_is_its_exemplar() -> None:
    """From the tail of a curve to the decision that was slow."""
    histogram = Histogram((0.01, 0.1))
    histogram.observe(0.05, 7)
    family = TABLE["dfks_request_duration_seconds"]
    (part,) = portions(family, [Reading(histogram, ("set",))], _name)
    exemplar = part.samples[1].exemplar
    assert exemplar is not None
    assert (exemplar.labels, exemplar.value) == ({"decision": "5ea1ed-7"}, 0.05)
    assert part.samples[0].exemplar is None
    assert part.samples[2].exemplar is None


def test_last_denial_is_the_exemplar_of_its_rule() -> None:
    """From an alarm to somebody who was refused."""
    reading = Reading(2, ("p/never", "no"), 9)
    (part,) = portions(TABLE["dfks_denials_total"], [reading], _name)
    exemplar = part.samples[0].exemplar
    assert exemplar is not None
    assert exemplar.labels == {"decision": "5ea1ed-9"}


def test_many_series_come_in_portions_and_are_read_as_they_come() -> None:
    """So that a scrape never holds the loop for long."""
    read = []

    def readings() -> Iterator[Reading]:
        for number in range(1_000):
            read.append(number)
            yield Reading(number, (f"p/{number}", "no"))

    parts = portions(TABLE["dfks_denials_total"], readings(), _name)
    first = next(parts)
    assert len(first.samples) == len(read) == PORTION
    values = [one.value for part in [first, *parts] for one in part.samples]
    assert values == list(range(1_000))


def test_metric_without_a_reading_is_left_out() -> None:
    """A store in memory has no disk."""
    assert list(portions(TABLE["dfks_store_free_bytes"], [], _name)) == []
