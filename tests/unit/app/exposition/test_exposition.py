"""A scrape, as Prometheus reads it."""

import asyncio
import gc
import threading
import time
from collections.abc import Iterator, Mapping

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open
from prometheus_client.parser import text_string_to_metric_families as read_plain

from dfks_rules.app.exposition.exposition import Exposition
from dfks_rules.app.exposition.families import Reading
from dfks_rules.app.exposition.table import TABLE
from dfks_rules.model.histogram import Histogram

OPEN = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
"""What Prometheus 2 sends as Accept."""
_HELD = 0.002
"""Seconds that a scrape may hold the loop."""


def _many() -> Exposition:
    """2,000 series of denials, and histograms."""
    exposition = Exposition(lambda number: f"5ea1ed-{number}")
    histogram = Histogram(tuple(one / 10 for one in range(1, 15)))
    for one in range(200):
        histogram.observe(one / 100, one + 1)
    exposition.add("dfks_request_duration_seconds", lambda: [Reading(histogram, ("get",))])
    exposition.add(
        "dfks_denials_total",
        lambda: (
            Reading(one, (f"house/rule-{one}", 'a "reason"'), one + 1) for one in range(2_000)
        ),
    )
    return exposition


async def test_plain_text_is_what_a_parser_reads() -> None:
    """HELP and TYPE once for each metric, however many pieces it came in."""
    scrape = await _many().scrape()
    assert scrape.content_type.startswith("text/plain; version=0.0.4")
    families = {one.name: one for one in read_plain(scrape.body.decode())}
    denials = families["dfks_denials"].samples
    assert [one.value for one in denials] == list(range(2_000))
    assert denials[7].labels == {"rule": "house/rule-7", "reason": 'a "reason"'}
    assert scrape.body.count(b"# TYPE dfks_denials_total counter\n") == 1
    assert scrape.body.count(b"# HELP") == 2
    help_ = TABLE["dfks_denials_total"].help
    assert families["dfks_denials"].documentation == help_


async def test_openmetrics_has_exemplars() -> None:
    """Ids of decisions, for `dfks policy explain --decision`."""
    scrape = await _many().scrape(OPEN)
    assert scrape.content_type.startswith("application/openmetrics-text; version=1.0.0")
    families = {one.name: one for one in read_open(scrape.body.decode())}  # type: ignore[no-untyped-call]
    exemplar = families["dfks_denials"].samples[8].exemplar
    assert exemplar is not None
    assert exemplar.labels == {"decision": "5ea1ed-9"}
    durations = families["dfks_request_duration_seconds"].samples
    assert any(one.exemplar is not None for one in durations)


async def test_scrape_never_holds_the_loop_for_long() -> None:
    """Of 2,000 series, written in one go, phones would notice. CPU time: others use the machine."""
    held = []
    is_over = False

    async def look() -> None:
        while not is_over:
            before = time.thread_time()
            await asyncio.sleep(0)
            held.append(time.thread_time() - before)

    # The server looks for cycles rarely; here it would look through what thousands of tests left.
    gc.disable()
    try:
        looking = asyncio.create_task(look())
        await asyncio.sleep(0)
        for accept in ("", OPEN):
            await _many().scrape(accept)
        is_over = True
        await looking
    finally:
        gc.enable()
    assert len(held) > 100
    assert max(held) <= _HELD
    # The test would notice: all of it takes longer than that.
    before = time.thread_time()
    pieces = list(_many()._pieces(_encode, {}))
    assert time.thread_time() - before > _HELD
    assert len(pieces) > 50


def _encode(collector: object) -> bytes:
    from prometheus_client.exposition import generate_latest

    return generate_latest(collector)  # type: ignore[arg-type]


async def test_what_may_wait_is_read_on_a_thread() -> None:
    """A disk that hangs must not stop the loop."""
    threads = []

    def slow() -> Mapping[str, Iterator[Reading]]:
        threads.append(threading.current_thread())
        return {"dfks_store_free_bytes": iter([Reading(5)])}

    exposition = Exposition()
    exposition.add_slow(slow)
    scrape = await exposition.scrape()
    assert b"\ndfks_store_free_bytes 5.0\n" in scrape.body
    assert threads[0] is not threading.current_thread()


async def test_nothing_to_read_is_an_empty_page_in_either_format() -> None:
    """Not an error."""
    assert (await Exposition().scrape()).body == b""
    assert (await Exposition().scrape(OPEN)).body == b"# EOF\n"


def test_what_is_not_in_the_table_cannot_be_read() -> None:
    """Nor from two rooms: the page would have it twice."""
    exposition = Exposition()
    with pytest.raises(ValueError, match="dfks_made_up"):
        exposition.add("dfks_made_up", list)
    exposition.add("dfks_store_queue", list)
    with pytest.raises(ValueError, match="dfks_store_queue"):
        exposition.add("dfks_store_queue", list)
