"""Countries as they are written."""

import pytest

from dfks_rules.policy.reading.check import check
from dfks_rules.policy.words.countries import country_problem
from tests.helpers.policy import source


@pytest.mark.parametrize("code", ["DE", "GB", "US"])
def test_a_country_of_iso_3166_is_one(code: str) -> None:
    """As the metadata of numbers writes them."""
    assert country_problem(code) is None


@pytest.mark.parametrize(("code", "meant"), [("UK", "GB"), ("uk", "GB"), ("de", "DE")])
def test_what_people_write_is_answered_with_what_they_mean(code: str, meant: str) -> None:
    """`UK` is no country of ISO 3166, and a rule about it would guard nothing."""
    assert f"(did you mean `{meant}`?)" in str(country_problem(code))


@pytest.mark.parametrize("test", ["UK", "[DE, UK]", "{ne: UK}", "{notIn: [UK]}"])
def test_a_condition_on_an_unknown_country_is_refused(test: str) -> None:
    """Whatever the matcher: it would always or never hold."""
    rule = f"- {{id: r, when: {{op: set, target.country: {test}}}, then: {{deny: abroad}}}}"
    (finding,) = check([source(rule)]).findings
    assert (finding.code, "did you mean `GB`?" in finding.message) == ("policy_value", True)
