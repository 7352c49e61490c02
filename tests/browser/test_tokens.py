"""Who may see and do what, in a browser."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits
from tests.helpers.consoles import Console, console_server
from tests.helpers.web import ALL, token_file

pytestmark = [pytest.mark.browser, pytest.mark.long]
TOKENS: dict[str, str] = {}


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A server that asks for tokens."""
    folder = tmp_path_factory.mktemp("console")
    TOKENS.update(
        token_file(
            folder,
            all=(ALL, ()),
            tenant=(ALL, ("acme.example",)),
            desk=(("features:read", "features:write"), ()),
        )
    )
    http = {"listen": "127.0.0.1:0", "tokens": str(folder / "tokens.json")}
    with console_server(folder, http=http) as running:
        for who in ("sip:alice@acme.example", "sip:bob@other.example"):
            running.ask(
                "PUT",
                f"presentities/{who}/features/DoNotDisturb",
                {"status": "on"},
                token=TOKENS["all"],
            )
        yield running


def _sign_in(page: Page, token: str) -> None:
    page.get_by_label("Token").fill(token)
    page.get_by_role("button", name="Sign in").click()


def test_a_token_is_asked_for_once(console: Console, visit: Visits) -> None:
    """And no script of a page can read it."""
    visitor = visit(console)
    visitor.provoked.add("401")
    page = visitor.open("presentities")
    _sign_in(page, "dfks_wrong")
    expect(page.get_by_role("alert")).to_contain_text("not valid")
    _sign_in(page, TOKENS["all"])
    expect(page.get_by_role("link", name="sip:bob@other.example")).to_be_visible()
    assert page.evaluate("document.cookie") == ""
    again = visitor.open("presentities")
    expect(again.get_by_role("link", name="sip:bob@other.example")).to_be_visible()
    again.locator(".settings summary").click()
    again.get_by_role("button", name="Sign out").click()
    expect(again.get_by_role("heading", name="Sign in")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


def test_a_tenant_sees_his_own_users_only(console: Console, visit: Visits) -> None:
    """Customers of one server are not each other's business."""
    visitor = visit(console)
    page = visitor.open("presentities")
    _sign_in(page, TOKENS["tenant"])
    expect(page.get_by_role("link", name="sip:alice@acme.example")).to_be_visible()
    for where in ("presentities", "overview", "decisions", "policies", "playground"):
        page.goto(visitor.at(where))
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        assert "other.example" not in page.content()
    visitor.provoked |= {"403", "404"}
    page.goto(visitor.at("presentities/sip:bob@other.example"))
    expect(page.get_by_role("alert").first).to_be_visible()
    assert page.get_by_role("article").count() == 0


def test_what_a_token_may_not_is_said_in_words(console: Console, visit: Visits) -> None:
    """A blank page sends people looking for a fault."""
    visitor = visit(console)
    page = visitor.open("presentities/sip:alice@acme.example")
    _sign_in(page, TOKENS["desk"])
    expect(page.get_by_role("article", name="Do not disturb")).to_be_visible()
    for where in ("decisions", "policies", "playground", "trace/sip:alice@acme.example"):
        page.goto(visitor.at(where))
        expect(page.get_by_role("main")).to_contain_text("lacks the scope")


def test_tokens_are_listed_with_their_use(console: Console, visit: Visits) -> None:
    """An operator finds who still uses what, before he revokes it; a tenant finds his own."""
    visitor = visit(console)
    page = visitor.open("integrations")
    _sign_in(page, TOKENS["all"])
    card = page.locator("section").filter(has=page.get_by_role("heading", name="Tokens"))
    rows = card.get_by_role("listitem")
    expect(rows).to_have_count(len(TOKENS))
    expect(rows.filter(has_text="all:")).to_contain_text("never expires · all domains")
    expect(rows.filter(has_text="all:")).to_contain_text("last used")
    expect(rows.filter(has_text="tenant:")).to_contain_text("acme.example")
    expect(rows.filter(has_text="desk:")).to_contain_text("features:read features:write")
    tenants = visit(console).open("integrations")
    _sign_in(tenants, TOKENS["tenant"])
    card = tenants.locator("section").filter(has=tenants.get_by_role("heading", name="Tokens"))
    expect(card.get_by_role("listitem")).to_contain_text(["tenant:"])
