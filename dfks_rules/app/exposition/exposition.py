"""A scrape: every metric of the table that some room has readings of, as Prometheus reads them.

To write a sample takes 10 to 20 µs. A scrape is therefore written in pieces, between which the
event loop serves phones; what asks the kernel or the disk is read on a thread.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping

from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from dfks_rules.app.exposition.families import NameOf, Reading, portions
from dfks_rules.app.exposition.table import TABLE
from dfks_rules.operations.ports import Scrape

_END = b"# EOF\n"
"""The last line of OpenMetrics."""

Read = Callable[[], Iterable[Reading]]
"""Gives the series of a metric as they are now. Called on the event loop: it must be quick, or a
generator, which is asked for a few at a time."""
ReadSlowly = Callable[[], Mapping[str, Iterable[Reading]]]
"""Gives those of several metrics, by name. Called on a thread: it may wait."""


class Exposition:
    """What is read for whom, and how it is written."""

    def __init__(self, name_of: NameOf = str) -> None:
        """There is nothing to read.

        Args:
            name_of: number of a decision → its id, for exemplars.
        """
        self._name_of = name_of
        self._read: dict[str, Read] = {}
        self._read_slowly: list[ReadSlowly] = []

    def add(self, name: str, read: Read) -> None:
        """Read a metric of the table from a room.

        Raises:
            ValueError: the table has no such metric, or it is read from another room.
        """
        if name not in TABLE or name in self._read:
            raise ValueError(name)
        self._read[name] = read

    def add_slow(self, read: ReadSlowly) -> None:
        """Read metrics of the table on a thread."""
        self._read_slowly.append(read)

    async def scrape(self, accept: str = "") -> Scrape:
        """All of it, in the format that an Accept header asks for.

        OpenMetrics has exemplars: the ids of decisions.
        """
        encode, content_type = choose_encoder(accept)
        slow = await asyncio.to_thread(self._slow)
        body = []
        for piece in self._pieces(encode, slow):
            body.append(piece)
            await asyncio.sleep(0)
        if content_type.startswith("application/openmetrics-text"):
            body.append(_END)
        return Scrape(content_type, b"".join(body))

    def _slow(self) -> dict[str, Iterable[Reading]]:
        found: dict[str, Iterable[Reading]] = {}
        for read in self._read_slowly:
            found.update(read())
        return found

    def _pieces(
        self,
        encode: Callable[[Collector], bytes],
        slow: Mapping[str, Iterable[Reading]],
    ) -> Iterator[bytes]:
        """What there is to write, a millisecond's worth at a time."""
        for name, family in TABLE.items():
            read = self._read.get(name)
            readings = slow.get(name, ()) if read is None else read()
            is_first = True
            for part in portions(family, readings, self._name_of):
                piece = encode(_One(part)).removesuffix(_END)
                # HELP and TYPE are said once.
                yield piece if is_first else piece.split(b"\n", 2)[2]
                is_first = False


class _One(Collector):
    """A part of a metric, as if it were all there is."""

    def __init__(self, part: Metric) -> None:
        self._part = part

    def collect(self) -> Iterable[Metric]:
        """It."""
        return (self._part,)
