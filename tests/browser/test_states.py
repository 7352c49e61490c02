"""What is seen where there is nothing yet, where something is wrong, and with several nodes."""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest
from playwright.sync_api import Page, expect

from dfks_rules.store.postgres.schema import migrate
from dfks_rules.web.tokens import read_tokens, write_tokens
from tests.browser.conftest import Visits
from tests.helpers.axe import needs_axe, violated
from tests.helpers.clustered import serve_nodes
from tests.helpers.consoles import Console, console_server
from tests.helpers.postgres import Database, needs_postgres
from tests.helpers.web import ALL, token_file

pytestmark = [pytest.mark.browser, pytest.mark.long, needs_axe]


def _sign_in(page: Page, token: str) -> None:
    page.locator("input[name=token]").fill(token)
    page.locator("button.primary").click()


def test_signing_in_and_what_is_not_allowed(tmp_path: Path, visit: Visits) -> None:
    """A first visit is no error, and no blank page; also in German."""
    tokens = token_file(tmp_path, desk=(("features:read",), ()))
    http = {"listen": "127.0.0.1:0", "tokens": str(tmp_path / "tokens.json")}
    with console_server(tmp_path, http=http) as console:
        visitor = visit(console)
        page = visitor.open("decisions")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert violated(page) == {}
        german = visit(console, locale="de-DE").open("nodes")
        expect(german.get_by_role("heading", name="Anmelden")).to_be_visible()
        assert violated(german) == {}
        _sign_in(page, tokens["desk"])
        expect(page.get_by_role("alert")).to_contain_text("lacks the scope decisions:read")
        assert violated(page) == {}


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en-US", ("expired", "expires", "never expires", "not used since the server started")),
        ("de-DE", ("abgelaufen", "läuft ab", "läuft nie ab", "seit dem Start des Servers nicht")),
    ],
)
def test_the_end_of_a_token_is_said_in_words(
    tmp_path: Path, visit: Visits, locale: str, words: tuple[str, ...]
) -> None:
    """One that has expired, or is about to, is what somebody looks for when a program fails."""
    names = ("a-gone", "b-soon", "c-lasting", "d-later")
    tokens = token_file(tmp_path, **dict.fromkeys(names, (ALL, ())))
    file, now = tmp_path / "tokens.json", datetime.fromtimestamp(time.time(), UTC)
    ends = [(now + timedelta(days=days)).isoformat() for days in (-1, 3, 90)]
    entries = [
        one._replace(created=now.isoformat(), expires=expires)
        for one, expires in zip(read_tokens(file), [*ends[:2], "", ends[2]], strict=True)
    ]
    write_tokens(file, entries)
    http = {"listen": "127.0.0.1:0", "tokens": str(file)}
    with console_server(tmp_path, http=http) as console:
        visitor = visit(console, locale=locale)
        page = visitor.open("integrations")
        _sign_in(page, tokens["c-lasting"])
        rows = page.locator("section").filter(has_text="a-gone").get_by_role("listitem")
        gone, soon, lasting, unused = words
        expect(rows).to_contain_text([gone, soon, lasting, soon])
        expect(rows.nth(0).locator(".badge.bad")).to_contain_text(gone)
        expect(rows.nth(1).locator(".badge.warn")).to_contain_text(soon)
        expect(rows.nth(3).locator(".badge.good")).to_contain_text(soon)
        expect(rows.nth(3)).to_contain_text(unused)
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


@needs_postgres
def test_two_nodes_are_shown_with_words(
    tmp_path: Path, empty_database: Database, visit: Visits
) -> None:
    """In each language: nobody guesses what a state is called."""
    # A thread with pages has a loop already.
    tables = Thread(target=lambda: asyncio.run(migrate(empty_database.url)))
    tables.start()
    tables.join()
    with serve_nodes(tmp_path, empty_database, "anna", "bert") as [anna, _]:
        console = Console(anna, tmp_path)
        for locale, state, drain in (
            ("en-US", "serving", "Drain"),
            ("de-DE", "im Dienst", "Leeren"),
        ):
            page = visit(console, locale=locale).open("nodes")
            for name in ("anna", "bert"):
                row = page.get_by_role("row").filter(has_text=name)
                expect(row).to_contain_text(state)
                expect(row.get_by_role("button")).to_have_text(drain)
            assert violated(page) == {}


@pytest.mark.parametrize("locale", ["en-US", "de-DE"])
def test_an_agents_state_is_shown(tmp_path: Path, visit: Visits, locale: str) -> None:
    """A state with a word of its own once broke each page with it."""
    with console_server(tmp_path) as console:
        console.set(
            "sip:agent@example.com",
            "AgentState",
            status="off",
            state="workingAfterCall",
            agentId="7",
        )
        word = "working after a call, agent 7" if locale == "en-US" else "in Nacharbeit, Agent 7"
        visitor = visit(console, locale=locale)
        for where in ("presentities/sip:agent@example.com", "decisions"):
            page = visitor.open(where)
            expect(page.get_by_role("main")).to_contain_text(word)
        # Before the server stops, which a page that listens would complain of.
        visitor.context.close()
