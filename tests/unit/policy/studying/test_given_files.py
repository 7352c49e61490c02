"""Facts in files."""

import pytest

from dfks_rules.errors import PolicyError
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.given_files import parse_given
from tests.helpers.policy import CFA, DND


def given(*texts: str) -> list[Source]:
    """Files `f0`, `f1` and so on."""
    return [Source(f"f{position}", text) for position, text in enumerate(texts)]


def test_facts_make_a_request_and_later_ones_hold() -> None:
    """A fact on the command line changes one of the file."""
    view = parse_given(
        given("{op: get, feature: DoNotDisturb}", '{"feature": "CallForwardingAlways"}')
    )
    assert view.request.feature is CFA
    assert parse_given(given("op: get\nfeature: DoNotDisturb\n")).request.feature is DND


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("{op: get}", "f0: facts lack `feature` [policy_facts_missing]"),
        ("[op]", 'f0:1:1: file must be a mapping, not `["op"]` [policy_type]'),
        ("{opp: get}", "f0:1:2: unknown fact `opp` (did you mean `op`?) [policy_unknown_fact]"),
        (
            "{op: subscribe, request.status: 1}",
            "f0:1:17: `request.status` cannot be `1`: the other facts make it absent [policy_case]",
        ),
    ],
)
def test_facts_that_make_no_request_are_findings(text: str, finding: str) -> None:
    """A typing error would explain another request."""
    with pytest.raises(PolicyError) as caught:
        parse_given(given(text))
    assert str(caught.value) == finding
