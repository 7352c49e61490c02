"""Makes the pictures of the console: `python -m tests.browser.screenshots [FOLDER]`.

Servers with people, phones and nodes, and Chromium (Debian packages `chromium` and `postgresql`);
nothing is asked of another host. The pictures differ from run to run in their times only. Without a
folder, those of the docs are made; with one, those of every page, light and dark, wide and narrow,
English and German, for somebody to look at.
"""

import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.sites import ALICE, Site, locked, nodes, people
from tests.helpers.server import ROOT

PICTURES = ROOT / "docs/pictures"
MOST = 150_000
"""Bytes of a picture: the README is read on telephones, too."""
SCHEMES = ("light", "dark")
WIDTHS = (1200, 390)
LOCALES = ("en-GB", "de-DE")
_HEIGHT = 660
_WITHIN = 60_000
"""Milliseconds until a page shows what it has to."""


class View(NamedTuple):
    """What one picture shows."""

    where: str
    """Behind `#/`."""
    shows: str
    """What is there once all is, in any language; for `locator`."""
    site: Callable[[Path], AbstractContextManager[Site]] = people
    token: str = ""
    """Name of the token that signs in; empty: nobody does."""
    act: Callable[[Page, Site], None] = lambda _page, _site: None
    """What somebody does first."""


def _open_refusal(page: Page, _site: Site) -> None:
    """Ask why the newest one was refused."""
    row = page.locator("tr", has_text="premium-number").first
    row.get_by_role("link").click()


def _press(page: Page, site: Site) -> None:
    """Have something happen while the page looks on."""
    page.locator(".live[data-state=live]").wait_for()
    site.press()


VIEWS = {
    "overview": View("overview", "text=sip:dave@example.com", act=_press),
    "presentities": View("presentities", "text=sip:carol@example.com"),
    "presentity": View(f"presentities/{ALICE}", "text=127.0.0.1"),
    "nobody": View("presentities/sip:nobody@example.com", "article"),
    "decisions": View("decisions", "text=no-premium", act=_open_refusal),
    "policies": View("policies", "text=no-premium"),
    "playground": View("playground", ".cm-content"),
    "trace": View(f"trace/{ALICE}", "main section"),
    "nodes": View("nodes", "text=cleo", nodes),
    "integrations": View("integrations", "text=asterisk"),
    "missing": View("nowhere", "h1"),
    "login": View("overview", "input[name=token]", locked),
    "not-allowed": View("decisions", "[role=alert]", locked, "desk"),
}
"""Name of a picture → what it shows: every page, and those that are no pages of the router."""
_IN_DOCS = ("presentity", "decisions")


def main() -> None:
    """Make them."""
    if len(sys.argv) > 1:
        make_all(Path(sys.argv[1]))
        return
    with _sites([VIEWS[name] for name in _IN_DOCS]) as sites, _browser() as chromium:
        for scheme in SCHEMES:
            for name in _IN_DOCS:
                picture = PICTURES / f"console-{name}-{scheme}.png"
                _take(chromium, VIEWS[name], sites[people], picture, color_scheme=scheme)
                size = picture.stat().st_size
                sys.stdout.write(f"{picture} {size} bytes\n")
                if size > MOST:
                    raise SystemExit(f"{picture} has more than {MOST} bytes")


def make_all(folder: Path) -> None:
    """Make those of every page."""
    with _sites([*VIEWS.values()]) as sites, _browser() as chromium:
        for name, view in VIEWS.items():
            for locale in LOCALES:
                for scheme in SCHEMES:
                    for width in WIDTHS:
                        picture = folder / f"{name}-{locale[:2]}-{scheme}-{width}.png"
                        options = {"color_scheme": scheme, "locale": locale}
                        _take(chromium, view, sites[view.site], picture, width, **options)
                        sys.stdout.write(f"{picture}\n")


@contextmanager
def _sites(views: list[View]) -> Iterator[dict[object, Site]]:
    """Run what the views are of. Not within Playwright, whose loop would be taken for theirs."""
    with ExitStack() as stack:
        running: dict[object, Site] = {}
        for site in dict.fromkeys(view.site for view in views):
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            running[site] = stack.enter_context(site(folder))
        yield running


@contextmanager
def _browser() -> Iterator[Browser]:
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        yield chromium
        chromium.close()


def _take(
    chromium: Browser, view: View, site: Site, picture: Path, width: int = 0, **options: Any
) -> None:
    """Take one; `width`: of the whole page, otherwise what is seen of it at first."""
    size: Any = {"width": width or WIDTHS[0], "height": _HEIGHT}
    visit = chromium.new_context(**{"viewport": size, "locale": LOCALES[0], **options})
    page = visit.new_page()
    page.set_default_timeout(_WITHIN)
    page.goto(f"{site.url}/console/#/{view.where}")
    if view.token:
        page.locator("input[name=token]").fill(site.tokens[view.token])
        page.locator("button.primary").click()
    view.act(page, site)
    page.locator(view.shows).first.wait_for()
    expect(page.locator("[aria-busy=true]")).to_have_count(0, timeout=_WITHIN)
    if not width:
        page.get_by_text(re.compile("^● Live$")).wait_for()
    page.screenshot(path=picture, full_page=bool(width))
    visit.close()


if __name__ == "__main__":
    main()
