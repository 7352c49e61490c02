"""Star codes in NumberPlan files."""

import pytest

from dfks_rules.model.features import Feature
from dfks_rules.policy.reading.read_star_codes import star_codes, star_codes_schema
from dfks_rules.policy.site.star_codes import FEATURES, StarCode
from tests.unit.policy.reading.test_read_number_plan import plan_of

_ON = "{feature: CallForwardingAlways, status: 1}"
_DND = "{feature: DoNotDisturb, status: toggle}"


def _codes(text: str) -> str:
    return f"domains: {{a.example: {{codes: {{{text}}}}}}}\n"


def test_a_domain_has_codes_of_its_own() -> None:
    """Those of another say nothing."""
    plan, findings = plan_of(_codes(f'"*72": {_ON}, "*76": {_DND}'), "domains: {b.example: {}}\n")
    assert findings == []
    assert plan.codes == {
        "a.example": {
            "*72": StarCode(Feature.CALL_FORWARDING_ALWAYS, status=True),
            "*76": StarCode(Feature.DO_NOT_DISTURB, status=None),
        }
    }


def test_a_tenant_has_codes_too() -> None:
    """Of the domain that is its own."""
    plan, findings = plan_of(_codes(f'"*72": {_ON}'), tenant="a.example")
    assert findings == []
    assert list(plan.codes) == ["a.example"]


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        (f'"72": {_ON}', 31, "`72` is not a star code: `*` or `#` and 1 to 7 digits, `*` or `#`"),
        (f'"*": {_ON}', 31, "`*` is not a star code"),
        (f'"*1234567890": {_ON}', 31, "`*1234567890` is not a star code"),
        (f'"*7x": {_ON}', 31, "`*7x` is not a star code"),
        (
            '"*72": {feature: AgentState, status: 1}',
            48,
            "`AgentState` is not one of `DoNotDisturb`",
        ),
        ('"*72": {feature: DoNotDisturb, status: on}', 70, "`on` is not one of `0`, `1`, `toggle`"),
        ('"*72": {feature: DoNotDisturb}', 31, "`*72` has no `status`"),
        ('"*72": {feature: DoNotDisturb, status: 1, to: 1}', 73, "unknown key `to`"),
        (
            f'"*72": {_ON}, "*723": {_DND}',
            82,
            "`*723` may also be `*72` with a target that begins with `3`; one of them must be",
        ),
    ],
)
def test_findings_have_their_place(text: str, column: int, message: str) -> None:
    """Authors see where, and what is wanted."""
    _, (finding,) = plan_of(_codes(text))
    assert finding.column == column
    assert finding.message.startswith(message)


def test_a_code_may_begin_with_one_that_takes_no_target() -> None:
    """`*7` alone and `*76` are two codes."""
    _, findings = plan_of(_codes(f'"*7": {_DND}, "*76": {_DND}, "*72": {_ON}, "*72*": {_DND}'))
    assert findings == []


def test_the_schema_knows_each_feature() -> None:
    """Editors complete them."""
    named = star_codes_schema()["additionalProperties"]["properties"]["feature"]["enum"]
    written = {f"*{number}": {"feature": one, "status": 0} for number, one in enumerate(named)}
    assert [one.feature for one in star_codes(written).values()] == list(FEATURES)
