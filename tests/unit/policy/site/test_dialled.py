"""The digits that a PBX would dial."""

import pytest

from dfks_rules.policy.site.dialled import Dialled, read_dialled


def same(digits: str) -> Dialled:
    """Digits without a pause."""
    return Dialled(digits, digits)


@pytest.mark.parametrize(
    ("user", "dialled"),
    [
        ("201", same("201")),
        ("(030) 12 34-5", same("03012345")),
        ("030 / 12_34!5", same("03012345")),
        ("++49 30", same("+4930")),
        ("+0049 30", same("004930")),
        ("00+4930", same("+4930")),
        ("49301+2345", same("493012345")),
        ("9,0301", Dialled("9", "90301", "0301")),
        (",,0301", same("0301")),
        ("0301p2w3", Dialled("0301", "030123", "23")),
        ("0301 ext. 23", Dialled("0301", "030123", "23")),
        ("0301#", Dialled("0301", "0301")),
        ("9*67 0301", Dialled("9", "9670301", "670301", "0301")),
        ("0*31#+4930", Dialled("0", "+4930", "+4930", "+4930")),
        ("*72", Dialled("", "", code=True)),
        ("#", Dialled("", "", code=True)),
        ("*72 0301", same("0301")._replace(code=True)),
        ("*21*0301#", Dialled("0301", "0301", code=True)),
        ("#31#+4930", same("+4930")._replace(code=True)),
        ("1-800-FLOWERS", same("18003569377")._replace(lettered=True)),
        ("4930123456\u0440\u0441", same("4930123456")._replace(lettered=True)),
        ("1-800-5550100 call", Dialled("180055501002255", "18005550100", lettered=True)),
        ("1a8b0c0d5550100", Dialled("128202035550100", "18005550100", lettered=True)),
        ("1" * 600, same("1" * 24)),
    ],
)
def test_digits_are_read_as_a_pbx_would_dial_them(user: str, dialled: Dialled) -> None:
    """Separators, pauses, codes of services, and letters of the keypad."""
    assert read_dialled(user) == dialled


@pytest.mark.parametrize("user", ["bob", "", "+", ",", "a1", "12ab", "\u00b5", "x201"])
def test_names_are_not_dialled(user: str) -> None:
    """They are looked up."""
    assert read_dialled(user) is None
