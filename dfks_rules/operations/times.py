"""When something was, as operators are told."""

from datetime import UTC, datetime


def time_told(at: float | datetime) -> str:
    """A moment to the millisecond (RFC 3339).

    Args:
        at: in its own zone; or seconds since 1970, which are told in UTC.
    """
    moment = at if isinstance(at, datetime) else datetime.fromtimestamp(at, UTC)
    return moment.isoformat(timespec="milliseconds")
