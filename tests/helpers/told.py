"""Endpoints of webhooks, and what they could not be told."""

from dfks_rules.operations.webhooks import DeadLetter, Endpoint
from tests.helpers.journal import ALICE

ONE = Endpoint("wh_1", "https://a.example/", "whsec_a", frozenset({"feature-changed"}), "desk", 2.5)
TWO = Endpoint(
    "wh_2",
    "https://b.example/",
    "whsec_b",
    frozenset({"feature-changed", "feature-refused"}),
    "crm",
    1.5,
    frozenset({"example.com"}),
    is_coalescing=True,
    off="it answered 410 Gone",
    old_secret="whsec_old",  # noqa: S106 - of nobody
    old_until=99.5,
)


def letter(number: int, endpoint: str = "wh_1", *, of_all: bool = False) -> DeadLetter:
    """One that was given up, about Alice or about all."""
    about = None if of_all else ALICE
    return DeadLetter(number, endpoint, f"abc-{number}", "t", about, 7.5, 28, "500", b"\x00{}")
