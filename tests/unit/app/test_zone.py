"""The time zone of the machine."""

import zoneinfo
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import pytest

from dfks_rules.app.zone import local_zone, now_in

BEFORE, AFTER = (datetime(2026, 10, 25, hour, tzinfo=UTC) for hour in (0, 2))
"""Before and after clocks go back in Berlin."""


def _offsets(*arguments: object) -> list[float] | None:
    zone = local_zone(*arguments)  # type: ignore[arg-type]
    if zone is None:
        return None
    offsets = [moment.astimezone(zone).utcoffset() for moment in (BEFORE, AFTER)]
    return [one.total_seconds() / 3600 for one in offsets if one is not None]


@pytest.mark.parametrize(
    ("name", "offsets"),
    [
        ("Europe/Berlin", [2, 1]),
        (":Europe/Berlin", [2, 1]),
        ("", [0, 0]),
        ("UTC", [0, 0]),
        ("CET-1CEST,M3.5.0,M10.5.0/3", None),
        ("Nowhere/Atall", None),
        ("/etc/localtime", None),
    ],
)
def test_the_environment_may_name_it(name: str, offsets: list[float] | None) -> None:
    """Other ways to say it are left to the C library, which knows the offset of the moment."""
    assert _offsets({"TZ": name}) == offsets


def test_else_it_is_in_a_file(tmp_path: Path) -> None:
    """A copy of the one that the database of zones has."""
    zone = tmp_path / "localtime"
    assert _offsets({}, zone) is None
    zone.write_bytes(b"not a zone")
    assert _offsets({}, zone) is None
    zone.write_bytes(_tzif("Europe/Berlin"))
    assert _offsets({}, zone) == [2, 1]


def test_it_is_called_as_the_file_that_is_linked_to(tmp_path: Path) -> None:
    """So that people read `server in Europe/Berlin`."""
    file, link = tmp_path / "zoneinfo" / "Europe" / "Berlin", tmp_path / "localtime"
    file.parent.mkdir(parents=True)
    file.write_bytes(_tzif("Europe/Berlin"))
    link.symlink_to(file)
    assert str(local_zone({}, link)) == "Europe/Berlin"


def _tzif(name: str) -> bytes:
    """The file of a zone, wherever this machine has it."""
    for folder in zoneinfo.TZPATH:
        file = Path(folder) / name
        if file.is_file():
            return file.read_bytes()
    area, _, city = name.partition("/")
    return resources.files(f"tzdata.zoneinfo.{area}").joinpath(city).read_bytes()


def test_this_machine_has_one_or_says_it_otherwise() -> None:
    """Whatever it is, the offset of now is that of the C library."""
    zone, now = local_zone(), datetime.now(UTC).astimezone()  # noqa: TID251 - the machine's
    assert zone is None or now.astimezone(zone).utcoffset() == now.utcoffset()


def test_local_time_has_the_zone_or_the_offset_of_the_moment() -> None:
    """So what is worked out for next week is right where the zone is known."""
    berlin = zoneinfo.ZoneInfo("Europe/Berlin")
    known, unknown = now_in(berlin), now_in(None)
    assert known.tzinfo is berlin
    assert unknown.utcoffset() == unknown.astimezone().utcoffset()
    assert timedelta(0) <= unknown - known < timedelta(minutes=1)
