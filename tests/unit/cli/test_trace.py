"""`dfks trace` against an API that tells a given trace; tests/e2e asks a real server."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dfks_rules.cli.main import dfks
from dfks_rules.mi.sockets import listening
from dfks_rules.operations.traces import TraceRequest
from dfks_rules.tracing.entries import Decided, Direction, Entry
from dfks_rules.tracing.pcapng import PcapngWriter
from dfks_rules.tracing.streams import renderer_of
from dfks_rules.web.api import TABLE
from dfks_rules.web.server import WebServer, WebSettings
from tests.helpers.operations import MemoryOperations
from tests.helpers.playbook import message
from tests.helpers.traced import BEGAN, message_at

_ALICE = "sip:alice@example.com"
_DENIED = {"op": "subscribe", "effect": "deny", "reason": "no", "id": "abc-1", "matched": []}
_ENTRIES: list[Entry] = [
    message_at(BEGAN, message()),
    Decided(BEGAN, "call-1", _ALICE, _ALICE, "watcher", (_DENIED,)),
    message_at(BEGAN + 0.01, b"SIP/2.0 403 No\r\n\r\n", direction=Direction.SENT),
]


class _Told:
    """Traces that are told to whoever asks, at once."""

    def __init__(self, *entries: Entry) -> None:
        self.entries = entries
        self.gap = 0

    async def _pieces(self, request: TraceRequest) -> AsyncIterator[bytes]:
        shows = renderer_of(request.form, request.user.uri)
        yield shows.head()
        if self.gap:
            yield shows.gap(self.gap)
        for number, entry in enumerate(self.entries, 1):
            yield shows.entry(number, entry)
        yield shows.end()

    def trace(self, request: TraceRequest) -> AsyncIterator[bytes] | None:
        """Everything."""
        return self._pieces(request)


class _Api:
    """An API on a thread of its own."""

    def __init__(self) -> None:
        self.told = _Told(*_ENTRIES)
        self.url = ""
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self._thread.start()
        self._ready.wait(10)

    async def _run(self) -> None:
        operations = MemoryOperations()
        operations.traces = self.told  # type: ignore[assignment]
        server = WebServer(WebSettings(None, frozenset(), 1_000), TABLE, operations)
        await server.start(await listening("127.0.0.1", 0))
        self.url = server.address
        self._ready.set()
        await self._stop.wait()
        await server.close()

    def run(self, *arguments: str) -> Result:
        """Run the command."""
        return CliRunner().invoke(dfks, ["trace", "--url", self.url, *arguments])

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()


@pytest.fixture
def api() -> Iterator[_Api]:
    """It is closed after the test."""
    made = _Api()
    yield made
    made.close()


def test_the_ladder_is_drawn_with_the_decisions_between_the_messages(api: _Api) -> None:
    """With a title as soon as messages are looked at; the sum goes to stderr."""
    result = api.run(_ALICE, "--seconds", "5")
    assert result.exit_code == 0, result.output
    first, *rest = result.stdout.splitlines()
    assert first == "trace of sip:alice@example.com for 5 s; the server is on the left"
    lines = [line[14:] for line in rest]
    assert [line.partition("  ")[0] for line in lines] == [
        "│ Call-ID call-1",
        "│◀── SUBSCRIBE ─────────────│",
        "│",
        "│─── 403 No ───────────────▶│",
    ]
    assert lines[2] == "│    subscribe: refused, no [abc-1]"
    assert result.stderr == "dfks: messages: 2, decisions: 1\n"


def test_a_file_for_wireshark_is_written(api: _Api, tmp_path: Path) -> None:
    """The same as the server would send; nobody else may read it."""
    file = tmp_path / "alice.pcapng"
    result = api.run("alice@example.com", "--pcap", str(file))
    writer = PcapngWriter(f"Trace of {_ALICE} by dfks-rules; credentials are removed")
    assert file.read_bytes() == writer.head() + b"".join(map(writer.entry, _ENTRIES))
    assert file.stat().st_mode & 0o777 == 0o600
    assert f"written to {file}" in result.stderr


def test_scripts_get_json(api: _Api) -> None:
    """An object on each line."""
    lines = api.run(_ALICE, "--json").stdout.splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["message", "decision", "message"]


def test_messages_may_be_shown_whole(api: _Api) -> None:
    """Below their lines."""
    assert "│    max-forwards: 70" in api.run(_ALICE, "--whole").stdout


def test_a_gap_is_told(api: _Api, tmp_path: Path) -> None:
    """Also to whoever reads the file."""
    api.told.gap = 4
    result = api.run(_ALICE, "--pcap", str(tmp_path / "f"))
    assert "4 entries are lost: they came faster than they were read" in result.stderr
    assert b"4 entries are lost" in (tmp_path / "f").read_bytes()


def test_an_empty_trace_says_what_to_do(api: _Api) -> None:
    """Silence would look like a failure."""
    api.told.entries = ()
    assert "press a key on the phone" in api.run(_ALICE).stderr


def test_mistakes_are_told(api: _Api, tmp_path: Path) -> None:
    """Before anything is asked."""
    result = api.run("alice")
    assert result.exit_code == 2
    assert "USER: " in result.stderr
    result = api.run(_ALICE, "--pcap", str(tmp_path / "no" / "f"))
    assert result.exit_code == 1
    assert "cannot be written: No such file or directory" in result.stderr
    assert api.run(_ALICE, "--seconds", "601").exit_code == 2
