"""Extensions, presentities, and what one dials."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfks_rules.bridges.numbering import EXTENSION, numbering_of
from dfks_rules.errors import ConfigError

PLAIN = numbering_of("{ext}@{domain}", "Example.COM")
PREFIXED = numbering_of("acme-{ext}.pbx@{domain}", "example.com")


def test_extension_is_the_user_of_a_presentity() -> None:
    """The domain is written as the server writes it."""
    assert PLAIN.presentity_of("201") == "sip:201@example.com"
    assert PREFIXED.presentity_of("201") == "sip:acme-201.pbx@example.com"


@given(st.from_regex(EXTENSION, fullmatch=True))
def test_there_and_back_again(extension: str) -> None:
    """Whatever an extension looks like."""
    for numbering in (PLAIN, PREFIXED):
        assert numbering.extension_of(numbering.presentity_of(extension)) == extension


@pytest.mark.parametrize(
    "presentity",
    [
        "sip:201@other.example",
        "sip:201@example.com.evil",
        "sip:acme-.pbx@example.com",
        "sip:201@example.com",
        "sip:acme-2/1.pbx@example.com",
        "sip:acme-201@example.com",
    ],
)
def test_others_are_none_of_this_switch(presentity: str) -> None:
    """They are for another bridge, or for none."""
    assert PREFIXED.extension_of(presentity) is None


@pytest.mark.parametrize(
    ("target", "dialled"),
    [
        ("202", "202"),
        ("*98", "*98"),
        ("+4930123456", "+4930123456"),
        ("sip:202@example.com", "202"),
        ("sip:202@EXAMPLE.com;user=phone", "202"),
        ("sips:202@example.com?subject=x", "202"),
        ("sip:%2a98@example.com", "*98"),
        ("202@example.com", "202"),
        ("tel:+49-30-(12)34.56;phone-context=x", "+4930123456"),
        ("TEL:112", "112"),
        ("sip:bob@elsewhere.example", ""),
        ("sip:example.com", ""),
        ("", ""),
        ("2 0 1", ""),
        ("201&202", ""),
        ("201/202", ""),
        ("201,h,1", ""),
        ("sip:%0d%0a@example.com", ""),
        ("${EVIL}", ""),
        ("http://x", ""),
    ],
)
def test_target_is_what_one_dials_or_nothing(target: str, dialled: str) -> None:
    """Nothing gets into a dialplan that means something there."""
    assert PLAIN.dialled(target) == dialled


def test_target_in_the_domain_is_the_extension_that_it_is() -> None:
    """Its presentity is called differently."""
    assert PREFIXED.dialled("sip:acme-202.pbx@example.com") == "202"
    assert PREFIXED.dialled("sip:0301234@example.com") == "0301234"


@pytest.mark.parametrize(
    "pattern",
    ["", "{ext}", "201@{domain}", "{ext}@example.com", "{ext}{ext}@{domain}", "a b{ext}@{domain}"],
)
def test_pattern_has_one_extension_and_the_domain(pattern: str) -> None:
    """Otherwise it would not be clear who is who."""
    with pytest.raises(ConfigError) as raised:
        numbering_of(pattern, "example.com")
    assert "must look like" in raised.value.findings[0].message
