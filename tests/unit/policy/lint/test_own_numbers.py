"""Numbers abroad that are barred, and so are some of the site's own."""

import pytest

from dfks_rules.policy.lint import own_numbers
from dfks_rules.policy.lint.findings import check_and_lint
from dfks_rules.policy.reading.source import Source
from tests.helpers.policy import source

PLAN = "apiVersion: dfks/v1\nkind: NumberPlan\nmetadata: {name: n}\ncountry: DE\ndomains:\n"
RULE = "- {id: r, when: {op: set, request.status: 1, %s}, then: {deny: {reason: no%s}}}"
GERMAN = "  de.example: {outside: '0'}\n"


def told(test: str, plan: str = GERMAN, more: str = "", *others: Source) -> list[str]:
    """What is said of a rule that denies with this test."""
    plans = [Source("numbers.yaml", PLAN + plan)]
    found = check_and_lint([source(RULE % (test, more)), *plans, *others])[1]
    return [one.message for one in found if one.code == "policy_bars_own_numbers"]


@pytest.mark.parametrize(
    "test",
    [
        "target.number: {prefix: '+1'}",
        "target.number: {prefix: ['+44', '+1512']}",
        "target.number: {in: ['+15123456789']}",
        "target.number: {glob: '+1*'}",
        r"target.number: {regex: '\+1\d+'}",
        "target.numbers: {prefix: '+1'}",
        "domain: de.example, target.number: {prefix: '+1'}",
    ],
)
def test_a_german_mobile_number_behind_an_outside_zero_is_also_american(test: str) -> None:
    """`0 0151…` is `00 151…`."""
    (message,) = told(test)
    assert message.startswith("rule `r` also denies DE numbers: `001")
    assert "by which phones of de.example call +491" in message
    assert message.endswith("; add `target.reach: international`")


@pytest.mark.parametrize(
    "test",
    [
        "target.number: {prefix: '+1'}, target.reach: international",
        "target.number: {prefix: '+1'}, target.country: US",
        "target.number: {prefix: '+1'}, not: {target.number: {prefix: '+49'}}",
        "target.number: {prefix: '+1900'}",
        "target.number: {prefix: '+49'}",
        "target.number: {in: ['+19005550100']}",
        "target.class: premium",
        "domain: elsewhere.example, target.number: {prefix: '+1'}",
    ],
)
def test_nothing_is_said_of_rules_that_bar_no_number_of_ones_own(test: str) -> None:
    """A warning that is often wrong is not read."""
    assert told(test) == []


def test_without_outside_digits_a_number_is_one() -> None:
    """Nothing may be dialled first."""
    assert told("target.number: {prefix: '+1'}", "  de.example: {area: '30'}\n") == []


def test_digits_after_an_outside_digit_may_be_a_country_code() -> None:
    """`9 1 212…` is a number of New York that begins like Indian ones."""
    (finding,) = told(
        "target.number: {prefix: '+91'}", "  u.example: {country: US, outside: '9'}\n"
    )
    assert "can be read as +912123456789" in finding


def test_an_exception_for_ones_own_country_is_another_way_to_say_it() -> None:
    """It lifts the denial of each."""
    exception = Source(
        "x.yaml",
        "apiVersion: dfks/v1\nkind: Exception\nmetadata: {name: home}\nfor: [p/r]\n"
        "by: me\nwhy: dialled so\nwhen: {target.country: DE}\n",
    )
    assert told("target.number: {prefix: '+1'}", GERMAN, ", exceptions: true", exception) == []
    of_some = Source("x.yaml", exception.text.replace("DE}", "DE, user: boss}"))
    assert told("target.number: {prefix: '+1'}", GERMAN, ", exceptions: true", of_some)


def test_the_search_comes_to_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists may have 200,000 entries, and a site many rules."""
    monkeypatch.setattr(own_numbers, "MOST_TRIED", 1)
    assert told("target.number: {prefix: '+1'}") == []
