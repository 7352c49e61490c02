"""A trace as text: a ladder of messages, with the decisions between them.

    12:00:41.352  │◀── SUBSCRIBE ───────────│  10.0.0.7:5062 udp  CSeq 1 SUBSCRIBE, expires 600
    12:00:41.353  │    set DoNotDisturb on: allowed, changed by p/own-phone [2e9f5f-117]
    12:00:41.353  │─── 200 OK ─────────────▶│  10.0.0.7:5062 udp  CSeq 1 SUBSCRIBE, expires 600

The server is on the left, its peers are on the right.
"""

from collections import deque
from collections.abc import Iterator
from datetime import datetime, tzinfo

from dfks_rules.policy.words.wording import printable
from dfks_rules.tracing.as_json import address_text
from dfks_rules.tracing.entries import Decided, Direction, Entry, Message
from dfks_rules.tracing.words import details_of, sentences_of, title_of

_TITLE = 20
"""Widest title of a message that is not cut, characters."""
_INDENT = " " * 14
_LATEST = 32
"""Messages among which a repeat is recognized."""


class Ladder:
    """Renders entries one after the other, a line for each message or sentence."""

    def __init__(self, zone: tzinfo | None = None, *, whole: bool = False) -> None:
        """Nothing is rendered yet.

        Args:
            zone: of the times; None for local time.
            whole: whether each line is followed by the message.
        """
        self._zone = zone
        self._whole = whole
        self._call_id = ""
        self._latest: deque[tuple[Direction, bytes]] = deque(maxlen=_LATEST)

    def lines(self, entry: Entry) -> Iterator[str]:
        """The lines of an entry."""
        time = f"{datetime.fromtimestamp(entry.at, self._zone).astimezone(self._zone):%H:%M:%S.%f}"
        if isinstance(entry, Decided):
            yield from self._dialog(entry.call_id)
            for sentence in sentences_of(entry):
                yield f"{time[:-3]}  │    {sentence}"
            return
        yield from self._dialog(entry.call_id)
        peer = f"{address_text(entry.remote)} {entry.transport}"
        details = details_of(entry) + self._repeated(entry)
        yield f"{time[:-3]}  {_arrow(entry)}  {printable(peer)}  {details}".rstrip()
        if self._whole:
            for line in entry.data.decode(errors="replace").splitlines():
                yield f"{_INDENT}│    {printable(line)}".rstrip()
            yield f"{_INDENT}│"

    def _dialog(self, call_id: str) -> Iterator[str]:
        """The Call-ID, where it is another one than before."""
        if call_id and call_id != self._call_id:
            self._call_id = call_id
            yield f"{_INDENT}│ Call-ID {printable(call_id)}"

    def _repeated(self, message: Message) -> str:
        """That a message was there before, if it was."""
        seen = (message.direction, message.data)
        if seen in self._latest:
            return ", again"
        self._latest.append(seen)
        return ""


def _arrow(message: Message) -> str:
    title = title_of(message)
    title = title if len(title) <= _TITLE else title[: _TITLE - 1] + "…"
    line = f" {title} ".ljust(_TITLE + 3, "─")
    return f"│───{line}▶│" if message.is_sent else f"│◀──{line}─│"
