"""`dfks webhook` against an API whose receiver does as the test says."""

import asyncio
import json
import threading
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result

from dfks_rules.cli.main import dfks
from dfks_rules.mi.sockets import listening
from dfks_rules.operations.webhooks import DeadLetter, Writes
from dfks_rules.web.api import TABLE
from dfks_rules.web.client import ApiError
from dfks_rules.web.server import WebServer, WebSettings
from tests.helpers.journal import ALICE
from tests.helpers.operations import MemoryOperations
from tests.helpers.webhooks import REFUSED, Bench

URL = "https://pbx.example.com/dfks"


class _Api:
    """An API on a thread of its own."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.url = ""
        self._ready = threading.Event()
        self.loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self.loop.run_until_complete, args=(self._run(),))
        self._thread.start()
        self._ready.wait(10)

    async def _run(self) -> None:
        operations, service = MemoryOperations(), self.bench.service()
        operations.webhooks = service
        server = WebServer(WebSettings(None, frozenset(), 1_000), TABLE, operations)
        await server.start(await listening("127.0.0.1", 0))
        self.url = server.address
        self._ready.set()
        await self._stop.wait()
        await server.close()
        await service.end()

    def run(self, command: str, *arguments: str) -> Result:
        """Run the command."""
        return CliRunner().invoke(dfks, ["webhook", command, "--url", self.url, *arguments])

    def add(self) -> str:
        """The id of a new one."""
        result = self.run("add", URL)
        assert result.exit_code == 0, result.output
        return result.stdout.split()[0]

    def close(self) -> None:
        """End the thread."""
        self.loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self.loop.close()


@pytest.fixture
def api() -> Iterator[_Api]:
    """It is closed after the test."""
    made = _Api()
    yield made
    made.close()


def test_a_webhook_is_added_listed_and_removed(api: _Api) -> None:
    """The secret is shown when it is added, and never again."""
    result = api.run(
        "add", URL, "--types", "feature-changed,feature-refused", "--domains", "A.example", "--json"
    )
    made = json.loads(result.stdout)
    assert made["secret"].startswith("whsec_")
    assert made["types"] == ["feature-changed", "feature-refused"]
    listed = api.run("list").stdout
    assert listed == (
        f"{made['id']}  {URL}  feature-changed,feature-refused  a.example  on"
        "  behind: 0 s, failing lanes: 0, dead: 0\n"
    )
    assert json.loads(api.run("list", "--json").stdout)["id"] == made["id"]
    assert api.run("remove", made["id"]).stdout == f"removed {made['id']}\n"
    none = api.run("list")
    assert (none.stdout, none.stderr) == ("", "no webhooks\n")


def test_a_new_secret_is_shown_with_the_id(api: _Api) -> None:
    """On one line, for scripts."""
    id_ = api.add()
    shown, secret = api.run("rotate", id_).stdout.split()
    assert shown == id_
    assert secret == api.bench.store.kept[id_].secret


def test_a_test_that_fails_fails(api: _Api) -> None:
    """For scripts and health checks."""
    id_ = api.add()
    assert api.run("test", id_).exit_code == 0
    api.bench.sends.answer = lambda _sent: REFUSED._replace(detail="500 \x1b[31mOops")
    result = api.run("test", id_)
    assert result.exit_code == 1
    assert result.stdout.startswith("refused: 500 ")
    assert "\x1b" not in result.stdout


def test_a_webhook_is_switched_off_and_on(api: _Api) -> None:
    """And sent elsewhere."""
    id_ = api.add()
    assert "off: switched off by api" in api.run("set", id_, "--off").stdout
    result = api.run("set", id_, "--on", "--to", "https://new.example.com/")
    assert "https://new.example.com/  feature-changed  all domains  on  " in result.stdout
    assert api.run("set", id_).exit_code == 2


def test_dead_letters_are_shown_and_sent_again(api: _Api) -> None:
    """By their number."""
    id_ = api.add()
    none = api.run("dead", id_)
    assert (none.stdout, none.stderr) == ("", "no dead letters\n")
    unknown = api.run("dead", id_, "--retry", "1").exception
    assert str(unknown) == "404 Not found: no such dead letter"
    letter = DeadLetter(7, id_, "abc-7", "dfks.gap.v1", None, 0.0, 28, "500 Oops", b"{}")
    other = letter._replace(number=8, presentity=ALICE)
    writes = Writes(dead=[letter, other])
    asyncio.run_coroutine_threadsafe(_write(api.bench, writes), api.loop).result(10)
    assert api.run("dead", id_).stdout.splitlines() == [
        f"8  1970-01-01T00:00:00.000+00:00  dfks.gap.v1  {ALICE.uri}  28 tries: 500 Oops",
        "7  1970-01-01T00:00:00.000+00:00  dfks.gap.v1  -  28 tries: 500 Oops",
    ]
    assert api.run("dead", id_, "--retry", "8").stdout.startswith("delivered: 200")
    assert [json.loads(x)["id"] for x in api.run("dead", id_, "--json").stdout.splitlines()] == [
        "7"
    ]


async def _write(bench: Bench, writes: Writes) -> None:
    bench.store.write(writes, lambda _error: None)


def test_a_url_that_may_not_be_asked_is_told_with_the_reason(api: _Api) -> None:
    """As the server says it."""
    result = api.run("add", "http://127.0.0.1/")
    assert isinstance(result.exception, ApiError)
    assert "use https" in str(result.exception)
