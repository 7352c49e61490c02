"""A browser for each file of tests, and a console with people in it.

Playwright holds the loop of the thread that uses it, so it ends with the file: files of other tests
have loops of their own.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.helpers.browser import CHROMIUM, SECONDS, Chromium, Visitor
from tests.helpers.consoles import Console, console_server

expect.set_options(timeout=SECONDS * 1000)
Visits = Callable[..., Visitor]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """A browser for the tests of a file."""
    if CHROMIUM is None:
        pytest.skip("needs Chromium (Debian package chromium)")
    with sync_playwright() as playwright:
        browser = Chromium(playwright)
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def _guard(request: pytest.FixtureRequest) -> Iterator[None]:
    """No page keeps a test for ever."""
    if "chromium" not in request.fixturenames:
        yield
        return
    with request.getfixturevalue("chromium").guarded():
        yield


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A server without tokens that all tests of a file share; each has its own presentities."""
    with console_server(tmp_path_factory.mktemp("console")) as running:
        yield running


@pytest.fixture
def visit(chromium: Chromium) -> Iterator[Visits]:
    """Makes somebody who visits a console; what goes wrong in his browser fails the test."""
    visitors: list[Visitor] = []

    def visits(console: Console, **options: Any) -> Visitor:
        visitors.append(Visitor(chromium, console.url, **options))
        return visitors[-1]

    yield visits
    for one in visitors:
        one.context.close()
    assert [wrong for one in visitors for wrong in one.wrong] == []


@pytest.fixture
def somebody(request: pytest.FixtureRequest) -> str:
    """An address of record that no other test uses."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    return f"sip:{name[-40:].strip('-')}@example.com"
