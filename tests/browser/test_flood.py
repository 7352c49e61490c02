"""A thousand changes a second, before somebody's eyes."""

import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from urllib.error import HTTPError

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits
from tests.helpers.consoles import Console, console_server

pytestmark = [pytest.mark.browser, pytest.mark.long, pytest.mark.alone]
SECONDS, RATE = 10, 1000
_WATCH = """() => {
  const seen = (window.seen = { frames: [], work: [], rows: 0 });
  const channel = new MessageChannel();
  let begun = 0, before = 0;
  // Tasks come after the frame was drawn.
  channel.port1.onmessage = () => seen.work.push(performance.now() - begun);
  const frame = (at) => {
    begun = performance.now();
    if (before) seen.frames.push(at - before);
    before = at;
    seen.rows = Math.max(seen.rows, document.querySelectorAll("tr").length);
    channel.port2.postMessage(0);
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}"""


def _heap(page: Page) -> int:
    """Bytes that its scripts hold."""
    tools = page.context.new_cdp_session(page)
    tools.send("HeapProfiler.enable")
    tools.send("HeapProfiler.collectGarbage")
    return int(tools.send("Runtime.getHeapUsage")["usedSize"])


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A server that imports as fast as the test wants it."""
    http = {"listen": "127.0.0.1:0", "import_rate": f"{RATE}/s"}
    with console_server(tmp_path_factory.mktemp("console"), http=http) as running:
        yield running


def _is_over(console: Console) -> bool:
    """Whether all rows are imported; phones come before whoever asks, so he may get no answer."""
    with suppress(HTTPError):
        return bool(console.ask("GET", "imports")["items"][0]["status"] == "done")
    return False


def test_a_flood_neither_stalls_nor_fills_the_page(console: Console, visit: Visits) -> None:
    """A page that hangs when most happens is of no use at three in the morning."""
    page = visit(console).open()
    expect(page.locator(".live")).to_have_attribute("data-state", "live")
    rows = "".join(
        f"sip:u{number}@example.com,DoNotDisturb,on\n" for number in range(SECONDS * RATE)
    )
    body = f"presentity,feature,status\n{rows}".encode()
    page.evaluate(_WATCH)
    empty = _heap(page)
    begun = time.monotonic()
    request = urllib.request.Request(  # noqa: S310 - our own server's
        f"{console.url}/v1/imports", body, {"Content-Type": "text/csv"}
    )
    with urllib.request.urlopen(request, timeout=60):  # noqa: S310
        pass
    while not _is_over(console):
        page.wait_for_timeout(1000)
        assert time.monotonic() - begun < 90
    took = time.monotonic() - begun
    seen = page.evaluate("seen")
    frames, work = sorted(seen["frames"]), seen["work"]
    apart, busy = sum(frames) / len(frames), sum(work) / len(work)
    told = f"{took:.0f} s, {len(frames)} frames {apart:.1f} ms apart, {busy:.1f} ms of work each"
    told += f", {seen['rows']} rows, {(grown := _heap(page) - empty) / 1e6:.1f} MB more"
    print(told)  # noqa: T201 - for those who look at figures
    # Screens are drawn 60 times a second, so frames are 16.7 ms apart at best.
    assert frames[len(frames) // 2] < 18, told
    assert apart < 40, told
    assert busy < 16, told
    assert 20 < seen["rows"] <= 201, told
    assert page.locator("tr").count() <= 201
    assert grown < 8_000_000, told
