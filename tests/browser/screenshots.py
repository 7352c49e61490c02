"""Makes the pictures of the console: `python -m tests.browser.screenshots [FOLDER]`.

A server with people in it, their phones, and Chromium (Debian package `chromium`); nothing is asked
of another host. The pictures differ from run to run in their times only. Without a folder, those of
the docs are made; with one, every page, wide and narrow, for somebody to look at.
"""

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from playwright.sync_api import Browser, Page, sync_playwright

from tests.helpers.consoles import listening
from tests.helpers.server import DFKS, ROOT, Server, serve, write_policy
from tests.helpers.web import api_url

PICTURES = ROOT / "docs/pictures"
MOST = 150_000
"""Bytes of a picture: the README is read on telephones, too."""
_SIZE: Any = {"width": 1200, "height": 660}
_WITHIN = 60_000
"""Milliseconds until a page shows what it has to."""
_RULES = """
- id: no-premium
  description: Nobody forwards to premium numbers.
  when: {op: set, request.status: 1, target.number: {prefix: "+49900"}}
  then: {deny: {reason: premium-number, text: Not to premium numbers}}
- id: lobby-phone
  description: The phone in the lobby forwards nowhere.
  when: {op: set, feature: CallForwardingAlways, user: lobby}
  then: {deny: {reason: lobby-phone}}
"""
_ALICE = "sip:alice@example.com"
_PRESSED = (
    (_ALICE, "CallForwardingAlways", {"status": "on", "forwardTo": "+49900123456"}),
    ("sip:lobby@example.com", "CallForwardingAlways", {"status": "on", "forwardTo": "200"}),
    ("sip:bob@example.com", "DoNotDisturb", {"status": "on"}),
    ("sip:carol@example.com", "CallForwardingBusy", {"status": "on", "forwardTo": "201"}),
    (
        _ALICE,
        "CallForwardingNoAnswer",
        {"status": "on", "forwardTo": "sip:voicemail@example.com", "ringCount": 4},
    ),
    ("sip:dave@example.com", "CallForwardingAlways", {"status": "on", "forwardTo": "+49900555"}),
    ("sip:bob@example.com", "DoNotDisturb", {"status": "off"}),
)
_VIEWS = {
    "presentity": (f"presentities/{_ALICE}", "Phones that listen"),
    "decisions": ("decisions", "Rules that matched"),
}
_PAGES = {
    "overview": ("overview", "● Live"),
    "presentities": ("presentities", "sip:carol@example.com"),
    "presentity": (f"presentities/{_ALICE}", "Phones that listen"),
    "nobody": ("presentities/sip:nobody@example.com", "No phone listens"),
    "decisions": ("decisions", "Rules that matched"),
    "policies": ("policies", "matched:"),
    "playground": ("playground", "Rules that matched"),
    "trace": (f"trace/{_ALICE}", "appears here"),
    "integrations": ("integrations", "Bridge asterisk"),
}
_HOURS = """\
apiVersion: dfks/v1
kind: Policy
metadata: {name: hours}
schedules:
  night:
    weekly: [Mon-Fri 18:00-08:00, Sat-Sun 00:00-24:00]
    except: [12-24..12-26]
rules:
  - id: no-busy-at-night
    when: {op: set, feature: CallForwardingBusy, user: dave, time: {during: night}}
    then: {deny: night}
"""


def main() -> None:
    """Make them."""
    if len(sys.argv) > 1:
        _make_all(Path(sys.argv[1]))
        return
    folder = PICTURES
    with ExitStack() as stack:
        site = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(_site(site))
        chromium = stack.enter_context(_browser())
        for scheme in ("light", "dark"):
            for name, (view, shows) in _VIEWS.items():
                picture = folder / f"console-{name}-{scheme}.png"
                _take(chromium, f"{url}/console/#/{view}", shows, scheme, picture)
                size = picture.stat().st_size
                sys.stdout.write(f"{picture} {size} bytes\n")
                if size > MOST:
                    raise SystemExit(f"{picture} has more than {MOST} bytes")


def _make_all(folder: Path) -> None:
    with ExitStack() as stack:
        site = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        hours = site / "hours.yaml"
        hours.write_text(_HOURS)
        url = stack.enter_context(_site(site, str(hours)))
        chromium = stack.enter_context(_browser())
        for scheme in ("light", "dark"):
            for name, (view, shows) in _PAGES.items():
                for width in (1200, 390):
                    picture = folder / f"{name}-{scheme}-{width}.png"
                    address = f"{url}/console/#/{view}"
                    _take(chromium, address, shows, scheme, picture, width=width)
                    sys.stdout.write(f"{picture}\n")


@contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


@contextmanager
def _site(folder: Path, *more: str) -> Iterator[str]:
    """A server in whose console there is something to see; gives its URL."""
    config = write_policy(folder, _RULES)
    config["policies"] += [str(ROOT / "policies/default"), *more]
    config |= {"store": f"sqlite:{folder / 'dfks.db'}", "http": {"listen": "127.0.0.1:0"}}
    with serve(folder, config) as server, ExitStack() as phones:
        url = api_url(server)
        for _ in range(2):
            phones.enter_context(_phone(server))
        _wait_for_phones(url, 2)
        with listening(url, "dfks-bridge-fusionpbx/1.0", "?domain=acme.example"):
            pass
        _press(url)
        phones.enter_context(
            listening(url, "dfks-bridge-asterisk/1.0", "?types=feature-changed&domain=example.com")
        )
        yield url


def _press(url: str) -> None:
    for who, feature, state in _PRESSED:
        _put(f"{url}/v1/presentities/{who}/features/{feature}", state)


@contextmanager
def _phone(server: Server) -> Iterator[None]:
    """A phone of Alice's, which has switched Do not disturb on, and stays."""
    address = f"127.0.0.1:{server.ports['udp']}"
    command = [DFKS, "phone", _ALICE, "--server", address, "--set", "DoNotDisturb=on", "--watch"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as phone:
        try:
            yield
        finally:
            phone.terminate()


def _wait_for_phones(url: str, count: int) -> None:
    deadline = time.monotonic() + _WITHIN / 1000
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"{url}/v1/subscriptions") as answer:  # noqa: S310 - ours
            contacts = {one["contact"] for one in json.load(answer)["items"]}
            if len(contacts) == count:
                return
        time.sleep(0.2)
    raise SystemExit("the phones have not subscribed")


def _put(url: str, state: Any) -> None:
    """Press a key as an operator; a policy may refuse it."""
    head = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(state).encode(), head, method="PUT")  # noqa: S310 - ours
    try:
        urllib.request.urlopen(request).close()  # noqa: S310 - ours
    except HTTPError as error:
        if error.code != 403:
            raise


def _take(
    chromium: Browser, url: str, shows: str, scheme: Any, picture: Path, width: int = 0
) -> None:
    """Take one; `width`: of the whole page, otherwise what is seen of it at first."""
    size: Any = {**_SIZE, "width": width} if width else _SIZE
    visit = chromium.new_context(viewport=size, color_scheme=scheme, locale="en-GB")
    page = visit.new_page()
    page.set_default_timeout(_WITHIN)
    page.goto(url)
    if "decisions" in url:
        _open_refusal(page)
    page.get_by_text(shows).first.wait_for()
    if not width:
        page.get_by_text(re.compile("^● Live$")).wait_for()
    elif "overview" in url:
        _press(url.partition("/console")[0])
        page.get_by_text("sip:dave@example.com").first.wait_for()
    page.screenshot(path=picture, full_page=bool(width))
    visit.close()


def _open_refusal(page: Page) -> None:
    """Ask why the newest one was refused."""
    row = page.locator("tr", has_text="premium-number").first
    row.get_by_role("link").click()


if __name__ == "__main__":
    main()
