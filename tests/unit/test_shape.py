"""The shape of the source: short files, and a charter in each room."""

from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2] / "dfks_rules"
_ROOMS = sorted(path.parent for path in _ROOT.glob("*/__init__.py"))


def test_no_source_file_is_over_400_lines() -> None:
    """What is longer does two things."""
    long = [str(f) for f in _ROOT.rglob("*.py") if len(f.read_text("utf-8").splitlines()) > 400]
    assert long == []


@pytest.mark.parametrize("room", _ROOMS, ids=lambda room: room.name)
def test_every_room_says_what_belongs_there(room: Path) -> None:
    """The charter is where a newcomer learns where code goes."""
    charter = (room / "__init__.py").read_text("utf-8")
    for line in ("Belongs here:", "Never here:", "May import:"):
        assert line in charter
