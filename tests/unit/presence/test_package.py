"""The event package."""

from dfks_rules.presence.package import ALLOW, ALLOW_EVENTS, EVENT, Limits, OnNotifyTimeout


def test_limits_grant_what_phones_ask_for_by_default() -> None:
    """They are what a server without a configuration runs with."""
    limits = Limits()
    assert 0 < limits.min_expires < limits.default_expires < limits.max_expires
    assert limits.on_notify_timeout is OnNotifyTimeout.KEEP


def test_header_lines_name_the_package_and_end() -> None:
    """They are written into responses as they stand."""
    assert ALLOW_EVENTS == b"Allow-Events: " + EVENT + b"\r\n"
    assert ALLOW == b"Allow: SUBSCRIBE, OPTIONS, CANCEL\r\n"
