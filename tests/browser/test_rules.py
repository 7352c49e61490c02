"""Rules, schedules, cases and proofs in a browser."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.error import HTTPError

import pytest
import yaml
from playwright.sync_api import expect

from tests.browser.conftest import Visits
from tests.helpers.consoles import Console, console_server
from tests.helpers.server import DFKS

pytestmark = [pytest.mark.browser, pytest.mark.long]
HOURS = """\
apiVersion: dfks/v1
kind: Policy
metadata: {name: hours}
schedules:
  always:
    tz: Europe/Berlin
    weekly: [Mon-Sun 00:00-24:00]
    except: [12-24..12-26]
  never:
    weekly: [Sat 22:00-06:00 in odd weeks]
    also: ["2020-01-01 00:00-01:00"]
rules:
  - id: closed
    when: {op: set, user: closed, request.status: 1, time: {during: always}}
    then: {deny: closed}
  - id: unused
    when: {op: set, user: nobody-has-this-name, time: {during: never}}
    then: {deny: never}
"""
PROOFS = """\
apiVersion: dfks/v1
kind: PolicyProof
policies: [hours.yaml]
proofs:
  - name: nobody is closed who is not called so
    when: {op: set, user: somebody}
    expect: {decision: allow}
"""


@pytest.fixture(scope="module")
def hours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    """A server with schedules and proofs."""
    folder = tmp_path_factory.mktemp("hours")
    rules = folder / "policies"
    rules.mkdir()
    (rules / "hours.yaml").write_text(HOURS)
    (rules / "hours-proofs.yaml").write_text(PROOFS)
    with console_server(folder) as running:
        yield running


def _refused(console: Console) -> str:
    """Somebody's key is refused; gives the id of the decision."""
    with pytest.raises(HTTPError) as refused:
        console.set("sip:closed@example.com")
    return str(json.load(refused.value)["decision"])


def test_a_rule_that_never_matched_is_found_and_its_hours_are_drawn(
    hours: Console, visit: Visits
) -> None:
    """An author looks for what is dead; a help desk for when a rule holds."""
    _refused(hours)
    page = visit(hours).open("policies")
    card = page.get_by_role("region", name="Rules, in order of precedence")
    closed = card.get_by_role("listitem").filter(has_text="hours/closed")
    expect(closed.get_by_text("matched:")).to_be_visible()
    expect(closed.get_by_role("img", name="always: Mon 00:00\N{EN DASH}24:00")).to_be_visible()
    expect(closed.get_by_text("in Europe/Berlin")).to_be_visible()
    expect(closed.get_by_text("Not on: 12-24..12-26")).to_be_visible()
    card.get_by_label("Only those that never matched").check()
    expect(closed).to_have_count(0)
    unused = card.get_by_role("listitem").filter(has_text="hours/unused")
    expect(unused.locator(".badge")).to_contain_text("never matched")
    expect(unused.get_by_text("Sat 22:00\N{EN DASH}06:00 (odd weeks)", exact=True)).to_be_visible()
    card.get_by_label("Only those that never matched").uncheck()
    closed.get_by_role("link", name="hours/closed").click()
    expect(page.get_by_role("heading", name="Decisions")).to_be_visible()
    expect(page.get_by_role("cell", name="sip:closed@example.com").first).to_be_visible()


def test_cases_and_proofs_are_run(hours: Console, visit: Visits) -> None:
    """What no case has shown is told, and what holds for every request."""
    page = visit(hours).open("policies")
    page.get_by_role("button", name="Try the proofs").click()
    expect(page.get_by_text("All 1 are proved.")).to_be_visible()
    page.get_by_role("button", name="Run the cases").click()
    untested = page.get_by_text("Tests in conditions that were never true")
    untested.click()
    expect(page.get_by_text("house-rules/no-premium", exact=False).last).to_be_visible()


def test_a_decision_becomes_a_case_that_passes(
    hours: Console, visit: Visits, tmp_path: Path
) -> None:
    """Whoever was woken by it keeps it from coming back."""
    decision = _refused(hours)
    page = visit(hours).open(f"decisions/{decision}")
    expect(page.get_by_role("img", name="always: Mon 00:00\N{EN DASH}24:00")).to_be_visible()
    page.get_by_text("Make a case of it").click()
    text = page.locator("pre.diff").inner_text()
    assert yaml.safe_load(text)["kind"] == "PolicyTest"
    (tmp_path / "hours.yaml").write_text(HOURS)
    (tmp_path / "made-cases.yaml").write_text(text)
    ran = subprocess.run(
        [DFKS, "policy", "test", tmp_path], capture_output=True, text=True, check=False, timeout=60
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_a_decision_is_compared_with_the_playground(hours: Console, visit: Visits) -> None:
    """The candidate that somebody writes there has an answer to it, too."""
    decision = _refused(hours)
    visitor = visit(hours)
    page = visitor.open("playground")
    expect(page.get_by_role("heading", name="Playground")).to_be_visible()
    page.goto(f"{hours.url}/console/#/decisions/{decision}")
    page.get_by_role("button", name="Compare with the playground").click()
    expect(page.get_by_text("The files in the playground decide it differently.")).to_be_visible()


def test_who_is_loud_is_told_with_what_he_does(hours: Console, visit: Visits) -> None:
    """So that one sees what to do about it."""
    page = visit(hours).open("overview")
    expect(page.get_by_text("● Live")).to_be_visible()
    for _ in range(12):
        assert _refused(hours)
    loud = page.get_by_role("listitem").filter(has_text="sip:closed@example.com").first
    expect(loud.get_by_text(re.compile("refused: 12$"))).to_be_visible()
    expect(loud.get_by_text("It is refused, and tries again.")).to_be_visible()
    expect(loud.get_by_role("link", name="See why")).to_be_visible()
