"""`${fact}` and `*` in texts that are taken as they stand."""

import pytest

from dfks_rules.policy.lint.findings import check_and_lint
from tests.helpers.policy import source
from tests.unit.policy.lint.test_single import linted


@pytest.mark.parametrize(
    "then",
    [
        "{values: {forwardTo: {template: 'sip:vm-${user}@x'}}}",
        "{values: {forwardTo: 'sip:$user@x'}}",
        "{also: [{feature: CallForwardingBusy, user: '${user}', status: 1}]}",
        "{log: '${user}'}",
        "{values: {forwardTo: '${vars.night}'}}",
    ],
)
def test_texts_that_are_filled_in_are_let_pass(then: str) -> None:
    """Templates, lines to log, variables."""
    rule = f"- {{id: r, when: {{op: set, feature: CallForwardingAlways}}, then: {then}}}"
    assert linted(source(rule, "vars: {night: x}" if "vars" in then else "")) == []


@pytest.mark.parametrize(
    ("when", "named"),
    [
        ('{op: set, request.status: 1, user: "room-*"}', "`user: room-*`"),
        ('{op: set, request.status: 1, user: {ne: "room-*"}}', "`user: room-*`"),
        ('{op: set, request.status: 1, user: [bob, "room-*"]}', "`user: room-*`"),
        ('{op: set, request.status: 1, user: {prefix: "room-*"}}', "`user: room-*`"),
        ('{op: set, request.status: 1, domain: "*.acme.example"}', "`domain: *.acme.example`"),
        ('{op: set, request.status: 1, watcher: "sip:*@a.example"}', "`watcher: sip:*@a.example`"),
    ],
)
def test_a_star_that_is_no_wildcard_is_told(when: str, named: str) -> None:
    """The rule would match nobody, and a guest forward wherever he likes."""
    _, (found,) = check_and_lint([source(f"- {{id: r, when: {when}, then: {{deny: no}}}}")])
    assert found.code == "policy_literal_text"
    fact = named.strip("`").partition(":")[0]
    assert found.message == (
        f"`*` in {named} of rule `r` is no wildcard; write `{fact}: {{glob: …}}`"
    )


@pytest.mark.parametrize(
    "test",
    [
        '{user: {glob: "room-*"}}',
        '{user: "*98"}',
        '{presentity: "sip:*98@acme.example"}',
        '{request.forwardTo: "*72"}',
    ],
)
def test_a_star_of_a_glob_or_a_star_code_is_let_pass(test: str) -> None:
    """There it is meant."""
    when = f"{{op: set, request.status: 1, all: [{test}]}}"
    assert linted(source(f"- {{id: r, when: {when}, then: {{deny: no}}}}")) == []
