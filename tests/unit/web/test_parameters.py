"""Parameters that several operations take."""

import pytest

from dfks_rules.model.features import Feature
from dfks_rules.model.identity import Aor
from dfks_rules.web.parameters import AOR, DOMAIN, IF_MATCH, PARAM, take_feature


def test_a_presentity_is_taken_in_each_form() -> None:
    """And told in one."""
    alice = Aor("alice", "example.com")
    for text in ("sip:alice@example.com", "alice@EXAMPLE.com", "sip:alice@example.com:5060"):
        assert AOR.take(text) == alice


@pytest.mark.parametrize("text", ["", "alice", "sip:@", "a\0b@example.com", "x" * 2_000])
def test_what_is_no_address_of_record_is_refused(text: str) -> None:
    """In words."""
    with pytest.raises(ValueError, match=r".+"):
        AOR.take(text)


def test_a_feature_has_the_name_of_policies() -> None:
    """What it may be is said."""
    assert take_feature("DoNotDisturb") is Feature.DO_NOT_DISTURB
    with pytest.raises(ValueError, match="is not one of DoNotDisturb"):
        take_feature("doNotDisturb")


def test_if_match_is_a_strong_etag_of_a_revision() -> None:
    """Nothing else is taken for one."""
    assert IF_MATCH.take(' "7" ') == 7
    for text in ("7", 'W/"7"', '"-1"', '"' + "1" * 30 + '"'):
        with pytest.raises(ValueError, match="is not an ETag"):
            IF_MATCH.take(text)


def test_a_domain_is_compared_in_lower_case() -> None:
    """As policies and the store have it."""
    assert DOMAIN.take("Example.COM") == "example.com"
    with pytest.raises(ValueError, match="not a domain"):
        DOMAIN.take("example.com:5060")


def test_a_param_is_printable() -> None:
    """It stands in logs."""
    assert PARAM.take("ticket-7") == "ticket-7"
    with pytest.raises(ValueError, match="not printable"):
        PARAM.take("a\x1bb")
