"""`${fact}` in texts that are taken as they stand."""

import pytest

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
