"""Digits as they are dialled in one country, and the numbers that they are."""

import pytest

from dfks_rules.policy.site.number_plan import Dialling, NumberPlan
from dfks_rules.policy.site.numbering import (
    Number,
    class_of_short_number,
    is_emergency,
    outside_in,
    reaches_emergency,
    read_numbers,
    riskier,
    told_apart,
)

PLAN = NumberPlan(
    domains={
        "de": Dialling("DE", outside="0", area="30"),
        "us": Dialling("US"),
        "ca": Dialling("CA"),
        "gb": Dialling("GB"),
        "ru": Dialling("RU"),
        "it": Dialling("IT"),
    },
    prefixes={"+1900": "blocked", "+4930": "berlin", "+49309": "premium"},
)


def read(digits: str, domain: str, context: str = "") -> Number:
    """The riskiest reading, of which there is one."""
    number = riskier(read_numbers(digits, context, domain, PLAN))
    assert number
    return number


@pytest.mark.parametrize(
    ("digits", "domain", "e164"),
    [
        ("+442079460123", "none", "+442079460123"),
        ("00442079460123", "none", "+442079460123"),
        ("00442079460123", "de", "+442079460123"),
        ("000442079460123", "de", "+442079460123"),
        ("0402345678", "de", "+49402345678"),
        ("00402345678", "de", "+49402345678"),
        ("7123456", "de", "+49307123456"),
        ("011442079460123", "us", "+442079460123"),
        ("00442079460123", "us", "+442079460123"),
        ("2025550123", "us", "+12025550123"),
        ("12025550123", "us", "+12025550123"),
        ("442079460123", "us", "+442079460123"),
        ("02079460123", "gb", "+442079460123"),
        ("810442079460123", "ru", "+442079460123"),
        ("0612345678", "it", "+390612345678"),
    ],
)
def test_numbers_are_read_as_their_country_dials(digits: str, domain: str, e164: str) -> None:
    """International and trunk prefixes, outside lines, and numbers without area or `+`."""
    assert read(digits, domain).e164 == e164


def test_a_phone_context_stands_in_front() -> None:
    """RFC 3966 §5.1.5: `tel:7123456;phone-context=+4930`."""
    assert read("7123456", "us", "+4930").e164 == "+49307123456"
    assert read("+442079460123", "us", "+4930").e164 == "+442079460123"


@pytest.mark.parametrize(
    ("digits", "class_"),
    [
        ("+18005550100", "toll-free"),
        ("+499001234567", "premium"),
        ("+491371234567", "shared-cost"),
        ("+491701234567", "mobile"),
        ("+49402345678", "national"),
        ("+442079460123", "international"),
        ("+447012345678", "personal"),
        ("+870773110000", "satellite"),
        ("+881612345678", "satellite"),
        ("+878101234567", "personal"),
        ("+979123456789", "premium"),
        ("+49499", "unknown"),
        ("+19005550100", "blocked"),
        ("+1900", "blocked"),
        ("+49307123456", "berlin"),
        ("+49309123456", "premium"),
    ],
)
def test_the_class_is_the_most_specific(digits: str, class_: str) -> None:
    """An author's prefixes first, then the metadata of the country, then where it is."""
    assert read(digits, "de").class_ == class_


def test_numbers_of_several_countries_are_at_home_if_they_can_be() -> None:
    """`+1800` is everyone's in North America; Canada is abroad for the United States."""
    assert not read("+18005550100", "ca").abroad
    assert read("+14165550100", "us").country == "CA"
    assert read("+14165550100", "us").abroad
    assert read("+18095550100", "us").abroad


def test_without_a_country_everything_is_abroad() -> None:
    """What is not known to be near is far."""
    assert read("+49402345678", "none").abroad
    assert read_numbers("0402345678", "", "none", PLAN) == []


def test_too_many_digits_do_not_hide_a_number() -> None:
    """Networks ignore what follows a whole number."""
    number = read("+442079460123" + "9" * 11, "de")
    assert (number.class_, number.trust) == ("international", 1)
    assert read("+12025550123456", "us").class_ == "national"


def test_of_two_readings_the_riskier_holds() -> None:
    """With `0` for outside, `00900…` is premium, and `0900…` perhaps."""
    assert read("009001234567", "de").class_ == "premium"
    assert read("09001234567", "de").class_ == "premium"
    assert riskier([]) is None
    assert outside_in("0123", Dialling("DE", outside="0")) == ["123", "0123"]
    assert outside_in("0", Dialling("DE", outside="0")) == ["0"]


def test_a_number_of_ones_own_is_no_call_abroad_for_its_outside_digit() -> None:
    """`9 1 240 312 3852` may begin like India's numbers, but nobody dialled them."""
    plan = NumberPlan(domains={"us9": Dialling("US", outside="9")}, prefixes={"+919": "barred"})
    own = riskier(readings := read_numbers("912403123852", "", "us9", plan))
    assert own
    assert (own.e164, own.abroad) == ("+12403123852", False)
    # A list of barred numbers is still compared with both.
    assert told_apart(own, readings) == ("+12403123852", "+912403123852")
    # Nothing else is in use, or an author has given the prefix a name.
    assert riskier(read_numbers("441632960961", "", "us9", plan)) is not None
    named = riskier(read_numbers("919393958142", "", "us9", plan))
    assert named
    assert named.class_ == "barred"


@pytest.mark.parametrize(
    ("digits", "domain", "numbers"),
    [
        # `0900 8821612` with digits too many, and the satellite number behind the outside digit.
        ("900882161234567", "out", ("+44900882161234567", "+449008821612", "+882161234567")),
        ("882161234567", "out", ("+882161234567",)),
        # What phones dial is a number that barred ones may be, in use or not.
        ("915551234567", "us9", ("+1915551234567", "+19155512345", "+15551234567")),
        # The other reading of a German number, `+40 2345678`, is no number in use.
        ("00402345678", "de", ("+49402345678",)),
        ("0040721234567", "de", ("+40721234567", "+4940721234567")),
        ("+442079460123999", "de", ("+442079460123999", "+442079460123")),
    ],
)
def test_every_number_that_may_be_meant_is_told(
    digits: str, domain: str, numbers: tuple[str, ...]
) -> None:
    """The riskiest first; a list of barred numbers is compared with all."""
    outside = {"out": Dialling("GB", outside="9"), "us9": Dialling("US", outside="9")}
    plan = NumberPlan(domains={**PLAN.domains, **outside})
    readings = read_numbers(digits, "", domain, plan)
    number = riskier(readings)
    assert number
    assert told_apart(number, readings) == numbers


def test_emergency_numbers_are_those_of_the_country() -> None:
    """112 everywhere; where no country is known, the three that the world knows."""
    assert [n for n in ("110", "112", "911", "999") if is_emergency(n, "DE")] == ["110", "112"]
    assert [n for n in ("110", "112", "911", "999") if is_emergency(n, "US")] == ["112", "911"]
    assert all(is_emergency(n, None) for n in ("112", "911", "999"))
    assert not is_emergency("1120", None)
    assert reaches_emergency("911000", "US")
    assert not reaches_emergency("911000", None)


def test_short_numbers_are_those_of_the_country() -> None:
    """Directory enquiries, and services that cost."""
    assert class_of_short_number("11833", "DE") == "short-code"
    assert class_of_short_number("11833", None) is None
    assert class_of_short_number("011833", "DE") is None
    assert class_of_short_number("99999", "DE") is None
    assert class_of_short_number("1", "DE") is None
    assert class_of_short_number("3210", "FR") == "premium"
