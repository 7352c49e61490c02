"""What the lint says of rules, against what they decide, over random policies."""

from functools import partial
from random import Random
from typing import Any

from dfks_rules.model.decisions import Decision
from dfks_rules.model.features import OFF, VALUES_OF
from dfks_rules.model.requests import Operation
from dfks_rules.policy.deciding.combine import make_plan
from dfks_rules.policy.deciding.reference import holds
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.language.document import Rule
from dfks_rules.policy.lint.findings import lint
from dfks_rules.policy.reading.check import CheckedPolicy, check
from dfks_rules.policy.reading.source import Source
from tests.helpers.drawing import seeded
from tests.helpers.near_questions import NearQuestions
from tests.helpers.random_conditions import condition
from tests.helpers.random_effects import effects
from tests.helpers.random_policies import dumped
from tests.helpers.random_questions import Question
from tests.property.test_policy_engine import fact_of

SETS = 60


def policy_of_few_conditions(random: Random) -> CheckedPolicy:
    """One policy whose rules are made of few conditions, so that they often imply one another."""
    conditions = [condition(random, depth=1) for _ in range(random.randint(1, 3))]
    rules: list[dict[str, Any]] = []
    for position in range(random.randint(2, 6)):
        some = random.choices(conditions, k=random.randint(0, 3))
        rule: dict[str, Any] = {"id": f"r{position}", "then": effects(random)}
        if some:
            rule["when"] = {random.choice(["all", "any"]): some}
        if not check([_file([rule])])[1]:
            rules.append(rule)
    (checked,), findings, _ = check([_file(rules)])
    assert not findings
    return checked


def questions_about(policy: CheckedPolicy, random: Random) -> list[Question]:
    """Requests near what it asks for, as they can be."""
    near = NearQuestions([policy.source])
    return [usual(near.view(random)[:3]) for _ in range(30)]


def _file(rules: list[dict[str, Any]]) -> Source:
    head = {"apiVersion": "dfks/v1", "kind": "Policy", "metadata": {"name": "p"}}
    return dumped({**head, "rules": rules})


def usual(question: Question) -> Question:
    """The question without facts that its operation, or its feature, does not have."""
    request, snapshot, at = question
    requester, asked, feature = request.requester, request.asked, request.feature
    if asked is not None and feature is not None:
        held = tuple(one for one in asked.values if one[0] in VALUES_OF[feature])
        request = request._replace(asked=asked._replace(values=held))
    if request.operation is not Operation.SET:
        requester = requester._replace(device=None)
    if request.operation is Operation.SUBSCRIBE:
        requester = requester._replace(param=None)
    return request._replace(requester=requester), snapshot, at


def decided(rules: list[Rule], question: Question) -> Decision:
    """The decision, without what only says which rules matched."""
    request, snapshot, _ = question
    lookup = partial(fact_of, View(*question))
    matching = [rule for rule in rules if holds(rule.condition, lookup)]
    plan = make_plan(matching, request.operation, request.feature, "", lookup)
    stored = OFF if request.feature is None else snapshot.state(request.feature)
    own = request.requester.watcher == request.presentity
    return plan.decide(request.asked, stored, own=own)._replace(matched=())


@seeded(SETS)
def test_without_a_rule_that_decides_nothing_all_is_decided_as_before(random: Random) -> None:
    """An author will delete it."""
    policy = policy_of_few_conditions(random)
    asked = questions_about(policy, random)
    rules = list(policy.policy.rules)
    for finding in lint([policy]):
        if finding.code in ("policy_shadowed", "policy_duplicate_rule"):
            dead = next(
                rule
                for rule, place in zip(rules, policy.places, strict=True)
                if place == (finding.line, finding.column)
            )
            others = [rule for rule in rules if rule is not dead]
            for question in asked:
                assert decided(rules, question) == decided(others, question)


@seeded(SETS)
def test_a_rule_that_matches_everything_does(random: Random) -> None:
    """An author will look for the condition that rules nothing out."""
    policy = policy_of_few_conditions(random)
    asked = questions_about(policy, random)
    for finding in lint([policy]):
        if finding.code == "policy_always_matches":
            at = policy.places.index((finding.line, finding.column))
            rule = policy.policy.rules[at]
            views = [View(*question) for question in asked]
            assert all(holds(rule.condition, partial(fact_of, view)) for view in views)
