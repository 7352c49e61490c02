"""The figures on a screen."""

from typing import Any

import pytest
from rich.console import Console

from dfks_rules.cli.top.figures import figures
from dfks_rules.cli.top.loud import Loud
from dfks_rules.cli.top.samples import Samples
from dfks_rules.cli.top.screen import screen


def _told(users: int = 3) -> dict[str, Any]:
    loud = Loud()
    for number in range(users):
        about = {
            "presentity": f"sip:[red]u{number}\x1b[31m@x.example",
            "rule": f"policy/rule{number}",
            "reason": "no",
        }
        loud.hear("feature-refused", about, 0.0)
    told = figures(Samples(), loud, {"presence:limit_per_user": 3}, {}, 0.0, 50)
    return {"at": "2026-01-05T12:00:00+00:00", **told, "problems": {"metrics": "403 no"}}


def _lines(told: dict[str, Any], width: int, height: int, *, is_paused: bool = False) -> list[str]:
    console = Console(width=width, height=height, record=True, force_terminal=False)
    with console.capture() as captured:
        console.print(screen(told, width, height, is_paused=is_paused))
    return captured.get().splitlines()


@pytest.mark.parametrize(("width", "height"), [(200, 60), (120, 40), (100, 24), (80, 50), (40, 60)])
def test_it_fits_any_width(width: int, height: int) -> None:
    """Lists are as long as there is room."""
    lines = _lines(_told(100), width, height)
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    for word in ("Rates", "Latencies", "Store and policies", "Floods", "Loudest", "Refused"):
        assert word in text


@pytest.mark.parametrize("height", [40, 60])
def test_lists_end_where_the_screen_ends(height: int) -> None:
    """What is above must not scroll away."""
    lines = _lines(_told(100), 120, height)
    assert height - 8 <= len(lines) <= height


def test_names_from_outside_are_shown_and_not_obeyed() -> None:
    """Neither markup nor control characters."""
    text = "\n".join(_lines(_told(), 120, 40))
    assert "sip:[red]u0�[31m@x.example" in text
    assert "metrics: 403 no" in text


def test_that_figures_stand_still_is_told() -> None:
    """Else somebody believes that nothing happens."""
    assert "paused" in _lines(_told(), 120, 40, is_paused=True)[0]
    assert "12:00:00 UTC" in _lines(_told(), 120, 40)[0]
