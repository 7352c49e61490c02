"""Requests that were answered not long ago, written down one after the other.

All are forgotten after about the same time, in the order in which they came. So they are written
onto pages, which are given back to the operating system as a whole: 100,000 SUBSCRIBEs in a few
seconds leave nothing behind. As objects of their own each took 1,250 bytes, scattered between
what lives for hours, and the memory stayed with the process. Now it takes 200 for a while, and
what is on its page.
"""

import mmap
import struct
from collections import deque
from typing import ClassVar, Final, final

from dfks_rules.model.record import Record
from dfks_rules.sip.flow import Flow, Listener

PAGE: Final = 1 << 20
"""Size of a page, bytes; longer messages get one of their own."""
PORTION: Final = 1_024
"""Most that are forgotten in one go; it takes 1 ms."""

_HEAD: Final = struct.Struct("<dqqqqIIIII")
"""Until when, the marks, the stream, the port (a Via may name one that there cannot be), lengths of
both keys, of the response and of the host, listener."""
_MARK: Final = (1 << 60) - 1
"""Of a hash: as much as fits into a small number. Keys are compared all the same."""
_OFFSET: Final = 32
"""A place is the number of its page, and so many bits of where on it."""


@final
class Entry(Record):
    """What was written down."""

    _fields: ClassVar[tuple[str, ...]] = ("key", "merge_key", "flow", "response")

    def __init__(self, key: bytes, merge_key: bytes, flow: Flow, response: bytes) -> None:
        self.key: Final = key
        self.merge_key: Final = merge_key
        self.flow: Final = flow
        self.response: Final = response


@final
class _Page:
    """A piece of memory that is written from its beginning to its end, and read likewise."""

    def __init__(self, number: int, size: int) -> None:
        self.number: Final = number
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
        self.memory: Final = mmap.mmap(-1, size, flags=flags)
        self.size: Final = size
        self.written = 0
        self.forgotten = 0
        """Up to where nothing is needed any more."""


@final
class Answered:
    """Finds what was written down, until it is time to forget it."""

    def __init__(self) -> None:
        """Nothing was answered."""
        self._pages: deque[_Page] = deque()
        self._by_key: dict[int, int] = {}
        """Mark of a key → place."""
        self._by_merge_key: dict[int, int] = {}
        self._listeners: list[Listener] = []
        """Of all flows; there are as many as in the settings."""

    def __len__(self) -> int:
        return len(self._by_key)

    def write(self, entry: Entry, until: float) -> None:
        """Remember what was answered; what has the same key is forgotten.

        Args:
            entry: its flow is one whose address is known.
            until: until when, monotonic seconds; not much before that of the one before.
        """
        key, merge_key, flow, response = entry.key, entry.merge_key, entry.flow, entry.response
        host, port = flow.remote
        name = host.encode()
        mark, merge_mark = hash(key) & _MARK, hash(merge_key) & _MARK
        text = b"".join(
            (
                _HEAD.pack(
                    until,
                    mark,
                    merge_mark if merge_key else -1,
                    flow.connection,
                    port,
                    len(key),
                    len(merge_key),
                    len(response),
                    len(name),
                    self._number_of(flow.listener),
                ),
                key,
                merge_key,
                name,
                response,
            )
        )
        page = self._page_for(len(text))
        start = page.written
        page.memory[start : start + len(text)] = text
        page.written = start + len(text)
        place = page.number << _OFFSET | start
        self._by_key[mark] = place
        if merge_key:
            self._by_merge_key[merge_mark] = place

    def find(self, key: bytes) -> Entry | None:
        """What was written with this key."""
        place = self._by_key.get(hash(key) & _MARK)
        found = None if place is None else self._read(place)
        return found if found is not None and found.key == key else None

    def is_merged(self, merge_key: bytes) -> bool:
        """Whether something was written with this merge key."""
        place = self._by_merge_key.get(hash(merge_key) & _MARK)
        return place is not None and self._read(place).merge_key == merge_key

    def expire(self, now: float) -> None:
        """Forget what is no longer needed; some of it, see `next_deadline`."""
        pages = self._pages
        for _ in range(PORTION):
            if not pages:
                return
            page = pages[0]
            start = page.forgotten
            if start == page.written:
                # The last one is written on.
                if len(pages) == 1 and page.written < page.size // 2:
                    return
                pages.popleft()
                continue
            head = _HEAD.unpack_from(page.memory, start)
            if head[0] > now:
                return
            place = page.number << _OFFSET | start
            if self._by_key.get(head[1]) == place:
                del self._by_key[head[1]]
            if self._by_merge_key.get(head[2]) == place:
                del self._by_merge_key[head[2]]
            page.forgotten = start + _HEAD.size + sum(head[5:9])

    def next_deadline(self) -> float | None:
        """When `expire` has something to do (monotonic seconds)."""
        for page in self._pages:
            if page.forgotten < page.written:
                return float(_HEAD.unpack_from(page.memory, page.forgotten)[0])
        return None

    def _number_of(self, listener: Listener) -> int:
        number = 0
        for one in self._listeners:  # `in` and `index` take 0.1 µs more.
            if one is listener:
                return number
            number += 1
        self._listeners.append(listener)
        return number

    def _page_for(self, size: int) -> _Page:
        pages = self._pages
        if not pages or pages[-1].written + size > pages[-1].size:
            number = pages[-1].number + 1 if pages else 0
            pages.append(_Page(number, max(PAGE, size)))
        return pages[-1]

    def _read(self, place: int) -> Entry:
        page = self._pages[(place >> _OFFSET) - self._pages[0].number]
        start = place & ((1 << _OFFSET) - 1)
        head = _HEAD.unpack_from(page.memory, start)
        connection, port, key, merge_key, response, host, listener = head[3:]
        position = start + _HEAD.size
        parts: list[bytes] = []
        for length in (key, merge_key, host, response):
            parts.append(page.memory[position : position + length])
            position += length
        flow = Flow(self._listeners[listener], (parts[2].decode(), port), connection)
        return Entry(parts[0], parts[1], flow, parts[3])
