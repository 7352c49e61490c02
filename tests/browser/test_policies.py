"""Policies in force, in a browser."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.helpers.consoles import Console

pytestmark = [pytest.mark.browser, pytest.mark.long]
MORE = "  - {id: nobody, when: {op: set, request.status: 1}, then: {deny: closed}}\n"


def test_files_are_read_again_compared_and_put_back(console: Console, visit: Visits) -> None:
    """Who has broken something at night wants yesterday back, and to know what it changes."""
    before = console.ask("GET", "policies")["revision"][:7]
    rules = console.rules.read_text()
    page = visit(console).open("policies")
    expect(page.get_by_text("2 policies")).to_be_visible()
    console.rules.write_text(rules + MORE)
    page.get_by_role("button", name="Read files again").click()
    expect(page.get_by_role("status").filter(has_text="in force")).to_be_visible()
    after = console.ask("GET", "policies")["revision"][:7]
    assert after != before
    old = page.get_by_role("listitem").filter(has_text=before)
    expect(old).to_be_visible()
    old.get_by_role("button", name="What would change").click()
    expect(page.get_by_text("requests are decided differently")).to_be_visible()
    difference = page.locator("pre.diff")
    expect(difference.locator(".bad")).to_contain_text("- " + MORE.rstrip())
    old.get_by_role("button", name="Put back in force").click()
    expect(old.get_by_role("alert")).to_contain_text(before)
    old.get_by_role("button", name="Put back in force").click()
    expect(old).to_contain_text("✓ in force")
    assert console.ask("GET", "policies")["revision"][:7] == before
    console.rules.write_text(rules)


def test_cases_are_run(console: Console, visit: Visits) -> None:
    """They say whether the policies do what they are for."""
    page = visit(console).open("policies")
    page.get_by_role("button", name="Run the cases").click()
    expect(page.get_by_text("cases pass.")).to_be_visible()
    expect(page.get_by_text("They cover 100% of the rules.")).to_be_visible()
    page.locator(".settings summary").click()
    page.get_by_label("Language").select_option("de")
    expect(page.get_by_text("Testfälle sind bestanden.")).to_be_visible()
    expect(page.get_by_text("cases pass.")).to_have_count(0)
