"""Somebody looks at a picture of every page before a release: none may be missing."""

import re
from pathlib import Path

import pytest

from dfks_rules.console.files import read_files
from tests.browser import screenshots
from tests.browser.screenshots import LOCALES, SCHEMES, VIEWS, WIDTHS, make_all
from tests.helpers.browser import CHROMIUM
from tests.helpers.postgres import needs_postgres

_PAGE = re.compile(r'import\("\./pages/(\w+)\.js"\)')


def test_every_page_of_the_console_is_in_a_picture() -> None:
    """A new page is looked at like those that were there before it."""
    pages = set(_PAGE.findall(read_files()["app.js"].decode()))
    assert {"overview", "nodes", "login"} <= pages
    assert pages - {"login"} <= {view.where.partition("/")[0] for view in VIEWS.values()}
    assert "login" in VIEWS


@needs_postgres
@pytest.mark.browser
@pytest.mark.long
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium (Debian package chromium)")
@pytest.mark.timeout(600)
def test_pictures_of_pages_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The script waits for what each shows: a page that shows it no more fails."""
    monkeypatch.setattr(screenshots, "WIDTHS", WIDTHS[:1])
    monkeypatch.setattr(screenshots, "SCHEMES", SCHEMES[:1])
    make_all(tmp_path)
    assert {one.name for one in tmp_path.iterdir()} == {
        f"{name}-{locale[:2]}-{SCHEMES[0]}-{WIDTHS[0]}.png" for name in VIEWS for locale in LOCALES
    }
