"""Debian's Chromium, and pages that fail the test when something is wrong that nobody looks at."""

import os
import re
import shutil
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Playwright, Request

CHROMIUM = shutil.which("chromium")
SECONDS = 30.0
"""Seconds within which a page shows what it has to, on a machine that does much else."""
_GUARD = 150.0
"""Seconds after which a test's browser is killed: a script that never ends answers nobody."""
_OPTIONS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--no-first-run",
    "--disable-sync",
)
_TELL_OF_POLICY = """addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));"""
_FAILED = re.compile(r"Failed to load resource: (?:the server responded with a status of )?(\S+)")


class Chromium:
    """One process, and another one after it was killed."""

    def __init__(self, playwright: Playwright) -> None:
        self._playwright = playwright
        self._browser: Browser | None = None
        self._pid = 0

    def browser(self) -> Browser:
        """It runs."""
        if self._browser is None or not self._browser.is_connected():
            self._browser = self._playwright.chromium.launch(
                executable_path=CHROMIUM, args=_OPTIONS, timeout=120_000
            )
            told = self._browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")
            self._pid = next(one["id"] for one in told["processInfo"] if one["type"] == "browser")
        return self._browser

    @contextmanager
    def guarded(self, seconds: float = _GUARD) -> Iterator[None]:
        """Kill it if the block takes too long: whoever waits for it then gets an error."""
        self.browser()
        guard = threading.Timer(seconds, self._kill)
        guard.start()
        try:
            yield
        finally:
            guard.cancel()

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)

    def close(self) -> None:
        """End it."""
        if self._browser is not None:
            self._browser.close()


class Visitor:
    """Somebody with a browser of his own (cookies, storage), who sees what goes wrong."""

    def __init__(self, chromium: Chromium, url: str, **options: Any) -> None:
        """Open no page yet.

        Args:
            chromium: what he uses.
            url: where the server is, without a path.
            options: of his browser (`color_scheme`, `locale`, `viewport`).
        """
        self.url = url
        self.wrong: list[str] = []
        """What went wrong so far, besides what was provoked."""
        self.provoked = {"429"}
        """Statuses (`412`) and network errors (`net::ERR_…`) that the test brings about.

        One question about policies is answered at a time: pages ask again after a 429."""
        given = {"locale": "en-US", "viewport": {"width": 1280, "height": 900}, **options}
        self.context: BrowserContext = chromium.browser().new_context(**given)
        self.context.set_default_timeout(SECONDS * 1000)
        self.context.add_init_script(_TELL_OF_POLICY)
        self.context.on("console", self._said)
        self.context.on("weberror", lambda error: self.wrong.append(f"error: {error.error}"))
        self.context.on("request", self._asked)

    def open(self, page: str = "overview") -> Page:
        """A new tab at a page of the console, such as `presentities/sip:alice@example.com`."""
        tab = self.context.new_page()
        tab.goto(self.at(page))
        return tab

    def at(self, page: str) -> str:
        """The address of a page."""
        return f"{self.url}/console/#/{page}"

    def _said(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "assert"):
            return
        failed = _FAILED.match(message.text)
        if failed is None or failed[1] not in self.provoked:
            where = message.location.get("url", "")
            self.wrong.append(f"console: {message.text} {where}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:", f"blob:{self.url}/")):
            self.wrong.append(f"foreign: {request.url}")
