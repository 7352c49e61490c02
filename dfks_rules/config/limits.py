"""The rates in `limits`: which hold where none are written, and what they come to."""

from typing import Any

RATES = {"per_source": "200/s", "per_user": "20/s"}
"""Setting → its default where strangers reach the server."""
NONE = "none"
"""No limit."""


def fill_rates(limits: dict[str, Any], *, is_exposed: bool) -> None:
    """Write down the rates that were left out.

    Args:
        limits: the settings of `limits`.
        is_exposed: whether any address that is listened on is not loopback.
    """
    for name, default in RATES.items():
        limits.setdefault(name, default if is_exposed else NONE)


def rate_of(text: str) -> int | None:
    """How many a second `200/s` is; None for `none`."""
    return None if text == NONE else int(text.removesuffix("/s"))
