"""Which profile a phone gets."""

import pytest

from dfks_rules.presence.profile import DEFAULT, REMEMBERED, Profile, Profiles, Row


def _name(patterns: list[str], user_agent: str | None) -> str:
    return Profiles([Row(tuple(patterns), Profile("found"))]).of(user_agent).name


@pytest.mark.parametrize(
    ("pattern", "user_agent", "is_match"),
    [
        ("Yealink *", "Yealink SIP-T46S 66.85.0.5", True),
        ("yealink *", "YEALINK SIP-T46S", True),
        ("Yealink *", "Yealink", False),
        ("Yealink *", "My Yealink x", False),
        ("Exact/1.0", "Exact/1.0", True),
        ("Exact/1.0", "Exact/1.0.1", False),
        ("*", "", True),
        ("*sofia-sip/*", "nua sofia-sip/1.12.11", True),
        ("*belle-sip/*", "Linphone", False),
        ("a*b*c", "a-b-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("aa*aa", "aaa", False),
        ("a**b", "ab", True),
        ("Snom[1]?", "Snom[1]?", True),
        ("Snom?", "Snom1", False),
    ],
)
def test_a_star_is_any_text_and_nothing_else_is_special(
    pattern: str, user_agent: str, is_match: bool
) -> None:
    """The whole User-Agent has to match."""
    assert (_name([pattern], user_agent) == "found") is is_match
    assert (_name(["nobody", pattern], user_agent) == "found") is is_match


def test_a_hostile_user_agent_costs_little() -> None:
    """It is scanned once for each pattern, however many stars that has."""
    assert _name(["*".join("a" * 100) + "*b"], "a" * 512) == "default"


def test_the_first_profile_that_matches_is_used() -> None:
    """So that an operator's profile may stand before a shipped one."""
    first, second = Profile("first"), Profile("second")
    profiles = Profiles([Row(("T4*",), first), Row(("T*",), second)], Profile("rest"))
    assert [profiles.of(text).name for text in ("T46", "T5", "X", None)] == [
        "first",
        "second",
        "rest",
        "rest",
    ]
    assert profiles.find("t46") == (first, "T4*")
    assert profiles.find("X")[1] is None


def test_other_profiles_hold_at_once() -> None:
    """What was remembered is forgotten."""
    profiles = Profiles()
    assert profiles.of("T46") is DEFAULT
    profiles.use([Row(("T*",), Profile("found"))])
    assert profiles.of("T46").name == "found"


def test_what_is_remembered_has_a_bound() -> None:
    """Anybody may invent User-Agents."""
    profiles = Profiles()
    for number in range(REMEMBERED + 10):
        profiles.of(str(number))
    assert profiles.of.cache_info().currsize == REMEMBERED


def test_the_default_profile_changes_nothing() -> None:
    """Neither splits nor doubts: the usual way costs nothing."""
    assert (DEFAULT.splits, DEFAULT.doubts_sets) == (False, False)
    assert Profile("x", multipart=False).splits
    assert Profile("x", max_body=500).splits
    assert Profile("x", echoes_ignored=True).doubts_sets
    assert Profile("x", refreshes_from=0.5).doubts_sets
