"""The pages about policies: every example in them is loaded."""

import re
from typing import Any

import pytest
import yaml

from dfks_rules.model.decisions import Decision, DenialAnswer
from dfks_rules.model.features import FEATURES
from dfks_rules.model.values import Value
from dfks_rules.policy.deciding.answer import answer_of
from dfks_rules.policy.deciding.policy_set import load
from dfks_rules.policy.facts.facts import FACTS, fact_named
from dfks_rules.policy.facts.given import view_of
from dfks_rules.policy.language.matchers import MATCHERS
from dfks_rules.policy.reading.schema import policy_schema
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.case_schema import case_schema
from dfks_rules.policy.studying.cases import parse_cases, run_cases
from tests.helpers.published import ROOT

PAGE = (ROOT / "docs/reference/policy-language.md").read_text(encoding="utf-8")
BLOCKS = [
    block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "apiVersion" in block
]
POLICIES = [block for block in BLOCKS if "kind: Policy\n" in block]
HEAD = "apiVersion: dfks/v1\nkind: Policy\nmetadata: {name: p}\n"
ASKED = {
    "op": "set",
    "presentity": "sip:alice@acme.example",
    "request.status": 1,
    "request.forwardTo": "+442071234567",
}
"""What the tables of effects and values are about."""
CASES = [block for block in BLOCKS if "kind: PolicyTest\n" in block]


@pytest.mark.parametrize("block", POLICIES)
def test_policies_in_the_page_can_be_loaded(block: str) -> None:
    """Readers copy them."""
    load([Source("policy-language.md", block)]).close()


def test_policy_of_the_readme_can_be_loaded() -> None:
    """It is the first one that anybody sees."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(apiVersion.*?)```", readme, re.DOTALL)
    load([Source("README.md", block)]).close()


def test_cases_in_the_page_pass() -> None:
    """They are about the first policy of the page."""
    policies = load([Source("office.yaml", POLICIES[0])])
    files = [parse_cases(Source("cases.yaml", block)) for block in CASES]
    results = [result for cases in files for result in run_cases(cases, policies)]
    policies.close()
    assert [result.differences for result in results] == [()] * 3
    assert [case.skip is None for cases in files for case in cases.cases] == [True] * 3 + [False]


def section(title: str) -> str:
    """What stands under a title, up to the next one."""
    below = PAGE[PAGE.index(f"# {title}\n") + 2 :]
    return re.split(r"^##+ ", below, maxsplit=1, flags=re.MULTILINE)[0]


def rows(title: str) -> list[list[str]]:
    """The cells of the first table under a title, below its head, without backticks."""
    lines = re.findall(r"^\| (.*) \|$", section(title), re.MULTILINE)[1:]
    return [[cell.strip().strip("`") for cell in line.split(" | ")] for line in lines]


def decide(rules: str, given: dict[str, Any], head: str = "") -> Decision:
    """What these rules, as an author writes them, decide."""
    policies = load([Source("p.yaml", f"{HEAD}{head}rules:\n{rules}")])
    decision = policies.decide_view(view_of(given))
    policies.close()
    return decision


MATCHER_ROWS = [(re.findall(r"\w+", names), example) for names, example, _ in rows("Matchers")]
HOLDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "eq": ({"user": "alice"}, {"user": "Alice"}),
    "ne": ({"origin": "watcher"}, {"origin": "operator"}),
    "in": ({"user": "bob"}, {"user": "carol"}),
    "notIn": ({"weekday": "fri"}, {"weekday": "sun"}),
    "lt": ({"time": "08:00"}, {"time": "18:00"}),
    "between": ({"user": "301"}, {"user": "0301"}),
    "moreThan": (
        {"request.ringCount": 5, "stored.ringCount": 4},
        {"request.ringCount": 5},
    ),
    "exists": ({}, {"origin": "operator", "param": "x"}),
    "has": ({"userAgent": "Yealink SIP-T46U"}, {"userAgent": "yealink"}),
    "prefix": ({"request.forwardTo": "sip:+442071234567"}, {"request.forwardTo": "+442071234567"}),
    "suffix": ({"domain": "berlin.acme.example"}, {"domain": "acme.example"}),
    "glob": ({"user": "room-7b"}, {"user": "room-b7"}),
    "regex": ({"user": "room-101a"}, {"user": "room-101ab"}),
    "cidr": ({"source.ip": "10.9.8.7"}, {"source.ip": "11.0.0.1"}),
    "sameAs": ({}, {"watcher": "sip:bob@example.com"}),
    "during": ({"time": "08:00"}, {"time": "18:00"}),
    "outside": ({"time": "18:00"}, {"time": "08:00"}),
}
"""First matcher of a row → facts for which its example holds, and facts for which it does not."""


def test_every_matcher_has_a_row() -> None:
    """A matcher that is not told of is not used."""
    assert {name for names, _ in MATCHER_ROWS for name in names} == set(MATCHERS)


@pytest.mark.parametrize(("names", "example"), MATCHER_ROWS, ids=lambda part: part[0])
def test_examples_of_matchers_hold_when_the_page_says(names: list[str], example: str) -> None:
    """One example of each row, with facts for which it holds and others."""
    head = 'schedules: {office: {weekly: ["Mon-Fri 08:00-18:00"]}}\n'
    rule = f"  - {{id: r, when: {{{example}}}, then: {{log: x}}}}\n"
    given = {"op": "set", "feature": "CallForwardingNoAnswer", "request.status": 1}
    told = [bool(decide(rule, {**given, **facts}, head).matched) for facts in HOLDS[names[0]]]
    assert told == [True, False]


EFFECT_ROWS = [row for row in rows("Effects") if len(row) == 5]


def test_every_effect_has_a_row() -> None:
    """An effect that is not told of is not used."""
    effects = policy_schema()["properties"]["rules"]["items"]["properties"]["then"]["properties"]
    assert {row[0] for row in EFFECT_ROWS if row[0]} == set(effects)


@pytest.mark.parametrize(("example", "expected"), [row[3:] for row in EFFECT_ROWS])
def test_examples_of_effects_give_what_the_page_says(example: str, expected: str) -> None:
    """Every row, decided."""
    given = {**ASKED, "feature": "CallForwardingAlways"}
    operation = "set"
    if "allow" in example:
        operation = "subscribe"
        given = {"op": operation, "watcher": "sip:bob@acme.example"}
    rule = f"  - {{id: r, when: {{op: {operation}}}, then: {example}}}\n"
    if "final" in example:
        rule += "  - {id: later, then: {status: 0}}\n"
    decision = decide(rule, given)
    answer = answer_of(decision)
    for name, value in yaml.safe_load(expected).items():
        seen = answer[name]
        assert (value.items() <= seen.items()) if isinstance(value, dict) else value == seen
    assert decision.matched[0] == "p/r"


@pytest.mark.parametrize(("written", "expected"), [(row[0], row[2]) for row in rows("Values")])
def test_examples_of_values_give_what_the_page_says(written: str, expected: str) -> None:
    """Every way of writing one."""
    given = {**ASKED, "feature": "CallForwardingNoAnswer", "request.ringCount": 99}
    rule = f"  - {{id: r, when: {{op: set}}, then: {{values: {{{written}}}}}}}\n"
    state = decide(rule, given).state
    assert expected in (state.value(Value.FORWARD_TO), str(state.value(Value.RING_COUNT)))


def test_every_answer_to_a_denial_is_told() -> None:
    """How the phone learns of it is what a customer sees."""
    assert [row[0].split("`")[0] for row in rows("Denials")] == [one.value for one in DenialAnswer]


def test_every_key_of_cases_is_told() -> None:
    """Authors read of cases here, and only here."""
    text = section("Cases: what a policy must decide")
    schema = case_schema()
    expect = schema["properties"]["tests"]["items"]["properties"]["expect"]
    fields = expect["properties"]["by"]["properties"]
    for name in (*schema["properties"], *expect["properties"], *fields):
        assert f"`{name}" in text or f"{name}:" in text, name


def test_every_fact_belongs_to_a_row_of_the_overview() -> None:
    """The overview is where an author looks first."""
    text = section("What a policy can ask about")
    several = {"stored", "target", "rate", *(feature.value for feature in FEATURES)}
    for name in FACTS:
        assert f"`{name}`" in text or name.partition(".")[0] in several, name


def test_every_key_and_effect_is_in_the_page() -> None:
    """The page is the reference: nothing can be written that it does not tell."""
    schema = policy_schema()
    rule = schema["properties"]["rules"]["items"]["properties"]
    for name in [*schema["properties"], *rule, *rule["then"]["properties"]]:
        assert re.search(rf"`{name}\b", PAGE), name


def test_facts_in_prose_are_facts() -> None:
    """A page about facts that are not there misleads."""
    dotted = set(re.findall(r"`((?:request|stored|watcher|source)\.\w+)[:`]", PAGE))
    assert all(fact_named(name.replace("NAME", "name")) for name in dotted)
    assert dotted


@pytest.mark.parametrize(("written", "expected"), [(row[0], row[2]) for row in rows("Expire")])
def test_examples_of_expire_give_what_the_page_says(written: str, expected: str) -> None:
    """Every way of writing one, on the Monday that cases are about."""
    head = 'schedules: {office: {weekly: ["Mon-Fri 08:00-18:00"]}}\n'
    written = written.split("`, `")[1] if "`, `" in written else written
    rule = f"  - {{id: r, when: {{op: set}}, then: {{expire: {written}}}}}\n"
    decision = decide(rule, {**ASKED, "feature": "CallForwardingAlways"}, head)
    assert answer_of(decision)["expires"] == expected
