"""How something is proved: for when, in which time zone of the server, and by which solver."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from dfks_rules.app.zone import local_zone
from dfks_rules.policy.language.schedules import parse_zone
from dfks_rules.policy.proof.differing import Solver, by_search
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.proof.sat import by_search_or_sat, is_there

_F = TypeVar("_F", bound=Callable[..., Any])


def zone_option(function: _F) -> _F:
    """Adds `--zone`."""
    option = click.option(
        "--zone",
        metavar="NAME",
        help="Time zone of the server, like Europe/Berlin; default: that of this machine.",
    )
    return option(function)


def horizon_in(zone: str | None) -> Horizon:
    """Last year, this one and the next two, in a time zone.

    Args:
        zone: its name; None: that of this machine, or UTC where that is not known.

    Raises:
        click.UsageError: there is no such zone.
    """
    year = datetime.now().astimezone().year  # noqa: TID251 - a proof is about the years around now
    try:
        where = (local_zone() or UTC) if zone is None else parse_zone(zone)
        return Horizon(where, range(year - 1, year + 3))
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def solver() -> Solver:
    """The best solver that is installed."""
    return by_search_or_sat if is_there() else by_search
