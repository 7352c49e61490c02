"""Rules of accessibility, checked in a browser.

axe-core is licensed under the MPL 2.0. It comes by `npm ci --prefix deploy/console`, and is no part
of the project.
"""

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.helpers.server import ROOT

_AXE = ROOT / "deploy/console/node_modules/axe-core/axe.min.js"
needs_axe = pytest.mark.skipif(not _AXE.is_file(), reason="needs `npm ci --prefix deploy/console`")
WIDTHS = {"1280": 1280, "1280 at 200 %": 640, "390": 390, "390 at 200 %": 195}
"""What is seen → pixels of CSS."""
_RULES = {
    "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"],
    "preload": False,
    "resultTypes": ["violations"],
}
_FOUND = """async (rules) => (await axe.run(document, rules)).violations.flatMap(
  (one) => one.nodes.map((node) => `${one.id}: ${node.html.slice(0, 200)}`))"""


def violated(page: Page) -> dict[str, list[str]]:
    """What a page does against them: scheme and width → rules and elements; best empty.

    In light and dark, at a desk, on a telephone, and enlarged; also what is beside the screen.
    """
    page.evaluate(_AXE.read_text("utf-8"))
    found: dict[str, list[str]] = {}
    schemes: tuple[Any, ...] = ("light", "dark")
    for scheme in schemes:
        page.emulate_media(color_scheme=scheme)
        for name, width in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": 800})
            wrong = page.evaluate(_FOUND, _RULES)
            wide = page.evaluate("document.documentElement.scrollWidth")
            if width >= 320 and wide > width:
                wrong.append(f"sideways: {wide} px")
            if wrong:
                found[f"{scheme}, {name}"] = wrong
    return found
