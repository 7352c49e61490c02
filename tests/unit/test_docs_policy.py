"""The pages about policies: every example in them is loaded."""

import re

import pytest

from dfks_rules.policy.cases import parse_cases, run_cases
from dfks_rules.policy.facts import FACTS
from dfks_rules.policy.matchers import MATCHERS
from dfks_rules.policy.policy_set import load
from dfks_rules.policy.schema import policy_schema
from dfks_rules.policy.source import Source
from tests.helpers.published import ROOT

PAGE = (ROOT / "docs/reference/policy-language.md").read_text(encoding="utf-8")
BLOCKS = [
    block for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL) if "apiVersion" in block
]
POLICIES = [block for block in BLOCKS if "kind: Policy\n" in block]
CASES = [block for block in BLOCKS if "kind: PolicyTest\n" in block]


@pytest.mark.parametrize("block", POLICIES)
def test_policies_in_the_page_can_be_loaded(block: str) -> None:
    """Readers copy them."""
    load([Source("policy-language.md", block)]).close()


def test_cases_in_the_page_pass() -> None:
    """They are about the first policy of the page."""
    (block,) = CASES
    policies = load([Source("office.yaml", POLICIES[0])])
    results = run_cases(parse_cases(Source("cases.yaml", block)), policies)
    policies.close()
    assert [result.differences for result in results] == [()]


def test_matchers_in_the_page_are_examples_that_load() -> None:
    """One row of the table for each matcher."""
    table = PAGE[PAGE.index("### Matchers") : PAGE.index("### Schedules")]
    examples = re.findall(r"^\| (`.*?`) \| `(.*?)` \|", table, re.MULTILINE)
    named = {name for names, _ in examples for name in re.findall(r"`(\w+)`", names)}
    assert named == set(MATCHERS)
    head = "apiVersion: dfks/v1\nkind: Policy\nmetadata: {name: p}\n"
    head += 'schedules: {office: {weekly: ["Mon-Fri 08:00-18:00"]}}\nrules:\n'
    for n, (_, example) in enumerate(examples):
        rule = f"  - {{id: r{n}, when: {{{example}}}, then: {{log: x}}}}\n"
        load([Source("p.yaml", head + rule)]).close()


def test_every_key_and_effect_is_in_the_page() -> None:
    """The page is the reference: nothing can be written that it does not tell."""
    schema = policy_schema()
    rule = schema["properties"]["rules"]["items"]["properties"]
    for name in [*schema["properties"], *rule, *rule["then"]["properties"]]:
        assert re.search(rf"`{name}\b", PAGE), name


def test_facts_in_prose_are_facts() -> None:
    """A page about facts that are not there misleads."""
    dotted = set(re.findall(r"`((?:request|stored|watcher|source)\.\w+)[:`]", PAGE))
    assert dotted <= set(FACTS)
    assert dotted
