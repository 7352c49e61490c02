"""The time zone of the machine, whose local time policies mean where they name none."""

import os
from collections.abc import Mapping
from datetime import datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

LOCALTIME = Path("/etc/localtime")
"""Where a machine has its zone."""


def local_zone(
    environment: Mapping[str, str] = os.environ, localtime: Path = LOCALTIME
) -> tzinfo | None:
    """The zone, with all moments at which its clocks are set.

    So `until 06:00` is right on the evening before, too.

    Args:
        environment: may name it (`TZ`).
        localtime: else it is in this file (TZif, RFC 8536).

    Returns:
        None where it is said in another way: then only its offset of the moment is known.
    """
    try:
        name = environment.get("TZ")
        if name is not None:
            return ZoneInfo(name.removeprefix(":") or "UTC")
        # What it links to, where it does, is only for people.
        name = localtime.resolve().as_posix().rpartition("zoneinfo/")[2]
        with localtime.open("rb") as file:
            return ZoneInfo.from_file(file, key=name)
    except (OSError, ValueError, KeyError):
        return None


def now_in(zone: tzinfo | None) -> datetime:
    """Local time, with the offset of the moment where the zone is not known."""
    at = datetime.now(zone)  # noqa: TID251 - the one clock of policies
    return at if zone is not None else at.astimezone()
