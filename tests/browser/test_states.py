"""What is seen where there is nothing yet, or something is wrong."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits
from tests.helpers.axe import needs_axe, violated
from tests.helpers.consoles import console_server
from tests.helpers.web import token_file

pytestmark = [pytest.mark.browser, pytest.mark.long, needs_axe]


def _sign_in(page: Page, token: str) -> None:
    page.locator("input[name=token]").fill(token)
    page.locator("button.primary").click()


def test_signing_in_and_what_is_not_allowed(tmp_path: Path, visit: Visits) -> None:
    """A first visit is no error, and no blank page."""
    tokens = token_file(tmp_path, desk=(("features:read",), ()))
    http = {"listen": "127.0.0.1:0", "tokens": str(tmp_path / "tokens.json")}
    with console_server(tmp_path, http=http) as console:
        visitor = visit(console)
        page = visitor.open("decisions")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert violated(page) == {}
        _sign_in(page, tokens["desk"])
        expect(page.get_by_role("alert")).to_contain_text("lacks the scope `decisions:read`")
        assert violated(page) == {}


def test_an_empty_server_and_a_failing_one(tmp_path: Path, visit: Visits) -> None:
    """Empty lists say why; an error says what, and can be tried again."""
    with console_server(tmp_path) as console:
        visitor = visit(console)
        page = visitor.open("presentities")
        expect(page.get_by_text("Nothing is stored yet")).to_be_visible()
        assert violated(page) == {}
        # The last one, as the server stops while the page listens to it.
        visitor.provoked |= {"500", "net::ERR_FAILED", "net::ERR_INCOMPLETE_CHUNKED_ENCODING"}
        page.route("**/v1/decisions*", lambda route: route.fulfill(status=500, body="no"))
        page.goto(visitor.at("decisions"))
        expect(page.get_by_role("alert")).to_contain_text("could not answer")
        assert violated(page) == {}
        page.unroute("**/v1/decisions*")
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_text("Nothing has been decided yet")).to_be_visible()
        page.route("**/v1/presentities*", lambda route: route.abort())
        page.goto(visitor.at("presentities"))
        expect(page.get_by_role("alert").filter(has_text="does not answer")).to_be_visible()
        assert violated(page) == {}
