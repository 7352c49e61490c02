"""A trace piece by piece, for whoever looks on: as events, as text, as pcapng, as JSON."""

from collections.abc import Callable, Mapping
from typing import Protocol

from dfks_rules.operations.traces import TraceForm
from dfks_rules.tracing.as_json import dumps, entry_json
from dfks_rules.tracing.entries import Entry
from dfks_rules.tracing.ladder import Ladder
from dfks_rules.tracing.pcapng import PcapngWriter


class Renders(Protocol):
    """What renders a trace for one client."""

    def head(self) -> bytes:
        """How it begins."""

    def entry(self, number: int, entry: Entry) -> bytes:
        """One entry, and its number."""

    def gap(self, count: int) -> bytes:
        """So many entries are gone: the client was too slow."""

    def rest(self) -> bytes:
        """Nothing has happened for a while; keeps proxies from closing the connection."""

    def end(self) -> bytes:
        """How it ends."""


class AsEvents:
    """Server-sent events: `message`, `decision`, `gap`, and `end`, after which no more come."""

    def __init__(self, user: str) -> None:
        self._user = user

    def head(self) -> bytes:
        """Who is traced; a client that is cut off comes back after 2 s."""
        return b"retry: 2000\n" + _event("trace", {"presentity": self._user})

    def entry(self, number: int, entry: Entry) -> bytes:
        """An event; its id is the number of the entry."""
        told = entry_json(entry)
        return b"id: %d\n%b" % (number, _event(told["kind"], told))

    def gap(self, count: int) -> bytes:
        """That entries are gone."""
        return _event("gap", {"lost": count})

    def rest(self) -> bytes:
        """A comment."""
        return b": still here\n\n"

    def end(self) -> bytes:
        """That it is over: EventSource would ask again for a stream that just stops."""
        return _event("end", {"presentity": self._user})


class AsText:
    """The ladder, line by line."""

    def __init__(self, user: str) -> None:
        self._user = user
        self._ladder = Ladder()

    def head(self) -> bytes:
        """Who is traced."""
        return f"trace of {self._user}; the server is on the left\n".encode()

    def entry(self, number: int, entry: Entry) -> bytes:
        """Its lines."""
        lines = self._ladder.lines(entry)
        return "".join(f"{line}\n" for line in lines).encode(errors="replace")

    def gap(self, count: int) -> bytes:
        """That entries are gone."""
        return f"… {count} entries are lost …\n".encode()

    def rest(self) -> bytes:
        """Nothing."""
        return b""

    def end(self) -> bytes:
        """That it is over."""
        return b"end of the trace\n"


class AsPcapng:
    """A file for Wireshark, which may be read while it is written."""

    def __init__(self, user: str) -> None:
        self._writer = PcapngWriter(f"Trace of {user} by dfks-rules; credentials are removed")

    def head(self) -> bytes:
        """The beginning of the file."""
        return self._writer.head()

    def entry(self, number: int, entry: Entry) -> bytes:
        """Its blocks."""
        return self._writer.entry(entry)

    def gap(self, count: int) -> bytes:
        """A comment on the message that comes next."""
        self._writer.comment(f"{count} entries before this one are lost")
        return b""

    def rest(self) -> bytes:
        """Nothing."""
        return b""

    def end(self) -> bytes:
        """What is left of the file."""
        return self._writer.end()


_RENDERERS: Mapping[TraceForm, Callable[[str], Renders]] = {
    TraceForm.EVENTS: AsEvents,
    TraceForm.TEXT: AsText,
    TraceForm.PCAPNG: AsPcapng,
}


def renderer_of(form: TraceForm, user: str) -> Renders:
    """What renders a trace.

    Args:
        form: as what.
        user: who is traced, `sip:user@domain`.
    """
    return _RENDERERS[form](user)


def _event(name: str, told: Mapping[str, object]) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (name.encode(), dumps(told))
