"""The settings of `limits`: which hold where none are written, and what they come to.

Also what texts with a unit come to elsewhere.
"""

from typing import Any

from dfks_rules.config.auth import AuthMode, AuthSettings
from dfks_rules.presence.package import SubscriptionLimits

EXPOSED: dict[str, str | int] = {
    "per_source": "200/s",
    "per_user": "20/s",
    "subscriptions_per_user": 20,
    "subscriptions_per_source": 10_000,
    "subscriptions_per_contact": 100,
}
"""Setting → its default where strangers reach the server."""
NONE = "none"
"""No limit."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
"""Seconds of each unit of a duration."""


def fill_limits(limits: dict[str, Any], *, is_exposed: bool) -> None:
    """Write down the limits that were left out.

    Args:
        limits: the settings of `limits`.
        is_exposed: whether any address that is listened on is not loopback.
    """
    for name, default in EXPOSED.items():
        limits.setdefault(name, default if is_exposed else NONE)


def rate_of(text: str) -> int | None:
    """How many a second `200/s` is; None for `none`."""
    return None if text == NONE else int(text.removesuffix("/s"))


def seconds_of(text: str) -> int:
    """How long `90s`, `5m`, `12h` or `30d` is, in seconds."""
    return int(text[:-1]) * _UNITS[text[-1]]


def build_subscription_limits(limits: dict[str, Any], auth: AuthSettings) -> SubscriptionLimits:
    """How many subscriptions there may be.

    Args:
        limits: the settings of `limits`, complete.
        auth: how phones authenticate. Who does is limited by what he is, not by his Contact:
            several phones may be reached by one proxy.
    """
    is_open = auth.mode is AuthMode.NONE
    return SubscriptionLimits(
        in_all=_number_of(limits["subscriptions"]),
        per_user=_number_of(limits["subscriptions_per_user"]),
        per_source=_number_of(limits["subscriptions_per_source"]),
        per_contact=_number_of(limits["subscriptions_per_contact"]) if is_open else None,
    )


def _number_of(value: int | str) -> int | None:
    return None if isinstance(value, str) else value
