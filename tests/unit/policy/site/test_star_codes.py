"""What somebody who dials a star code means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfks_rules.model.features import Feature
from dfks_rules.policy.site.star_codes import FEATURES, Dialled, StarCode, read_star_code

_CFA, _DND = Feature.CALL_FORWARDING_ALWAYS, Feature.DO_NOT_DISTURB
_ON, _OFF = StarCode(_CFA, status=True), StarCode(_CFA, status=False)
_TOGGLE = StarCode(_DND, status=None)
_BUSY = StarCode(Feature.CALL_FORWARDING_BUSY, status=True)
CODES = {"*72": _ON, "*73": _OFF, "*76": _TOGGLE, "*21*": _BUSY, "#21#": _OFF, "*7": _TOGGLE}


@pytest.mark.parametrize(
    ("digits", "code", "target"),
    [
        ("*72201", _ON, "201"),
        ("*72201#", _ON, "201"),
        ("*72+4930123456", _ON, "+4930123456"),
        ("*72", _ON, None),
        ("*72#", _ON, None),
        ("*73", _OFF, None),
        ("*76", _TOGGLE, None),
        ("*7", _TOGGLE, None),
        ("*21*201#", _BUSY, "201"),
        ("#21#", _OFF, None),
    ],
)
def test_digits_are_a_code_and_its_target(digits: str, code: StarCode, target: str | None) -> None:
    """The longest code counts; a `#` may end it."""
    assert read_star_code(digits, CODES) == Dialled(code, target)


@pytest.mark.parametrize(
    "digits",
    [
        "",
        "*",
        "72",
        "*74",
        "*732",
        "*76201",
        "*72*73",
        "*72abc",
        "*72 201",
        "*72+",
        "*72" + "1" * 62,
    ],
)
def test_other_digits_are_no_code(digits: str) -> None:
    """Whoever dials too much means something else, and nothing is switched."""
    assert read_star_code(digits, CODES) is None


def test_a_domain_without_codes_has_none() -> None:
    """There are no defaults: a PBX has codes of its own."""
    assert read_star_code("*72201", {}) is None


def test_agents_do_not_log_in_by_a_code() -> None:
    """Their states have words that no digits say."""
    assert len(FEATURES) == 4
    assert Feature.AGENT_STATE not in FEATURES


@given(st.text("*#+0123456789", max_size=70))
def test_what_is_read_was_dialled(digits: str) -> None:
    """Code and target are the digits."""
    read = read_star_code(digits, CODES)
    if read is not None:
        code = next(
            one for one, what in CODES.items() if what == read.code and digits.startswith(one)
        )
        assert digits in (code + (read.target or ""), f"{code}{read.target or ''}#")
