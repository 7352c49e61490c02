"""Policies that are tried before they are trusted."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visits
from tests.helpers.consoles import Console

pytestmark = [pytest.mark.browser, pytest.mark.long]


def _text(page: Page) -> str:
    return "\n".join(page.locator(".cm-line").all_inner_texts())


def _write(page: Page, text: str) -> None:
    """Have the editor hold a text."""
    page.locator(".cm-content").click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(text)


def _policy(rule: str) -> str:
    return f"apiVersion: dfks/v1\nkind: Policy\nmetadata: {{name: try}}\nrules:\n{rule}"


def test_typing_completes_facts_and_says_what_is_decided(console: Console, visit: Visits) -> None:
    """Nobody knows all facts by heart."""
    visitor = visit(console)
    visitor.provoked.add("409")  # what is typed by halves can be asked about, too
    page = visitor.open("playground")
    decided = page.get_by_role("status").filter(has_text="premium-number")
    expect(decided).to_be_visible()
    _write(page, _policy("  - id: none\n    then: {deny: never}\n    "))
    page.keyboard.type("when: {fea")
    offered = page.locator(".cm-tooltip-autocomplete li")
    expect(offered.first).to_contain_text("feature")
    offered.first.click()
    page.keyboard.type("CallForwardingAlways")
    expect(page.locator(".cm-content")).to_contain_text("when: {feature: CallForwardingAlways}")
    expect(page.get_by_role("status").filter(has_text="never")).to_be_visible()


def test_a_finding_stands_under_its_line(console: Console, visit: Visits) -> None:
    """A mistake is mended where it is."""
    visitor = visit(console)
    visitor.provoked.add("409")
    page = visitor.open("playground")
    expect(page.locator(".cm-content")).to_be_visible()
    _write(
        page, _policy("  - id: none\n    when: {featture: DoNotDisturb}\n    then: {deny: no}\n")
    )
    marked = page.locator(".cm-line").filter(has=page.locator(".cm-lintRange-error"))
    expect(marked).to_contain_text("featture")
    expect(page.get_by_role("listitem").filter(has_text="line 6").first).to_contain_text("feature")


def test_a_link_opens_the_same_state_for_somebody_else(console: Console, visit: Visits) -> None:
    """The link in the ticket is how others get help."""
    author = visit(console)
    author.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = author.open("playground")
    expect(page.locator(".cm-content")).to_be_visible()
    _write(page, _policy("  - {id: shared, when: {op: set}, then: {deny: as-shared}}\n"))
    expect(page.get_by_role("status").filter(has_text="as-shared")).to_be_visible()
    page.get_by_role("button", name="Share by link").click()
    expect(page.get_by_role("status").filter(has_text="Copied")).to_be_visible()
    link = page.evaluate("navigator.clipboard.readText()")
    assert "#/playground?s=" in link
    other = visit(console, locale="de-DE").open(link.partition("#/")[2])
    expect(other.get_by_role("status").filter(has_text="as-shared")).to_be_visible()
    assert _text(other) == _text(page)


def test_a_candidate_is_put_into_the_shadow(console: Console, visit: Visits, somebody: str) -> None:
    """It decides nothing, and what it would have decided is shown."""
    visitor = visit(console)
    page = visitor.open("playground")
    expect(page.locator(".cm-content")).to_be_visible()
    _write(page, _policy("  - {id: strict, when: {op: set}, then: {deny: too-strict}}\n"))
    expect(page.get_by_role("status").filter(has_text="too-strict")).to_be_visible()
    page.get_by_role("button", name="Put into the shadow").click()
    expect(page.get_by_role("alert").filter(has_text="for all users?")).to_be_visible()
    page.get_by_role("button", name="Put into the shadow").click()
    expect(page.get_by_role("status").filter(has_text="comparison has begun")).to_be_visible()
    console.set(somebody)
    page.goto(visitor.at("policies"))
    shadow = page.locator("section").filter(has_text="Shadow:")
    expect(shadow).to_contain_text("1 of 1 decisions have differed")
    expect(shadow).to_contain_text("too-strict")
    shadow.get_by_role("button", name="Stop comparing").click()
    expect(shadow).to_contain_text("No candidate is compared")


_WRONG = _policy("  - id: none\n    when: {featture: DoNotDisturb}\n    then: {deny: no}\n")
_TWICE = """\
apiVersion: dfks/v1
kind: Policy
metadata: {name: try}
rules:
  - id: first
    when: {op: set}
    then: {status: 0}
  - id: second
    when: {op: set, feature: CallForwardingAlways}
    then: {status: 1}
  - id: third
    when: {op: set, device: nobody}
    then: {status: 1}
"""
_CASES = """\
apiVersion: dfks/v1
kind: PolicyTest
policies: [policy.yaml]
tests:
  - name: on
    given: {op: set, feature: DoNotDisturb, request.status: 1}
    expect: {decision: deny}
"""


def test_a_german_playground_is_german_to_the_last_line(console: Console, visit: Visits) -> None:
    """Whoever reads German at three in the morning reads one language."""
    visitor = visit(console, locale="de-DE")
    visitor.provoked.add("409")
    page = visitor.open("playground")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.locator(".cm-content")).to_be_visible()
    _write(page, _WRONG)
    finding = page.get_by_role("listitem").filter(has_text="Zeile 6").first
    expect(finding).to_contain_text("unbekannter Fakt featture (meintest du feature?)")
    page.locator(".cm-lintRange-error").first.hover()
    expect(page.locator(".cm-tooltip-lint")).to_contain_text("unbekannter Fakt")
    unusable = page.get_by_role("status").filter(has_text="Die Regelwerke sind nicht verwendbar")
    expect(unusable).to_contain_text("unbekannter Fakt")
    _write(page, _TWICE)
    result = page.locator("section").filter(has_text="Was es entscheidet").last
    expect(result).to_contain_text("nicht verwendet: try/first geht vor")
    page.get_by_text("In Worten").click()
    told = result.locator("details pre")
    expect(told).to_contain_text("passten, nach Vorrang:")
    expect(told).to_contain_text("status: nicht verwendet, try/first geht vor")
    expect(told).to_contain_text("gesehen: nicht vorhanden")
    page.get_by_label("Name der Datei").fill("on.cases.yaml")
    page.get_by_role("button", name="Datei hinzufügen").click()
    _write(page, _CASES)
    page.get_by_role("button", name="Testfälle ausführen").click()
    expect(result).to_contain_text("decision: erwartet deny, erhalten allow")
    expect(result).to_contain_text("entschieden: status durch try/first")


def test_the_editor_explains_in_german_what_it_completes(console: Console, visit: Visits) -> None:
    """What a fact is stands beside its name."""
    visitor = visit(console, locale="de-DE")
    visitor.provoked.add("409")
    page = visitor.open("playground")
    expect(page.locator(".cm-content")).to_be_visible()
    _write(page, _policy("  - id: none\n    then: {deny: never}\n    "))
    page.keyboard.type("when: {fea")
    expect(page.locator(".cm-completionInfo")).to_contain_text("Die Funktion, um die es geht.")


def test_the_language_of_the_server_follows_that_of_the_page(
    console: Console, visit: Visits
) -> None:
    """The one that was chosen, whatever the browser prefers."""
    visitor = visit(console)
    visitor.provoked.add("409")
    page = visitor.open("playground")
    expect(page.locator(".cm-content")).to_be_visible()
    _write(page, _WRONG)
    expect(page.get_by_role("listitem").filter(has_text="unknown fact")).to_be_visible()
    page.locator("details.settings summary").click()
    page.get_by_label("Language").select_option("de")
    expect(page.get_by_role("listitem").filter(has_text="unbekannter Fakt")).to_be_visible()
