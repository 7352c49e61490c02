"""How something is proved: for when, in which time zone of the server, and by which solver."""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from dfks_rules.policy.language.schedules import parse_zone
from dfks_rules.policy.proof.differing import Solver, by_search
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.proof.sat import by_search_or_sat, is_there

_F = TypeVar("_F", bound=Callable[..., Any])
_LOCAL = Path("/etc/localtime")


def zone_option(function: _F) -> _F:
    """Adds `--zone`."""
    option = click.option(
        "--zone",
        default=local_zone,
        metavar="NAME",
        help="Time zone of the server, like Europe/Berlin; default: that of this machine.",
    )
    return option(function)


def horizon_in(zone: str) -> Horizon:
    """Last year, this one and the next two, in a time zone.

    Raises:
        click.UsageError: there is no such zone.
    """
    year = datetime.now().astimezone().year  # noqa: TID251 - a proof is about the years around now
    try:
        return Horizon(parse_zone(zone), range(year - 1, year + 3))
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def solver() -> Solver:
    """The best solver that is installed."""
    return by_search_or_sat if is_there() else by_search


def local_zone() -> str:
    """The name of this machine's time zone; UTC where it has none."""
    named = os.environ.get("TZ", "").removeprefix(":")
    if not named and _LOCAL.is_symlink():
        named = str(_LOCAL.resolve()).rpartition("zoneinfo/")[2]
    try:
        return parse_zone(named).key if named else "UTC"
    except ValueError:
        return "UTC"
