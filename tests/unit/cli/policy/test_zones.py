"""For when, and where, something is proved."""

import click
import pytest
from click.testing import CliRunner

from dfks_rules.cli.policy.zones import horizon_in, zone_option


@click.command()
@zone_option
def shown(zone: str | None) -> None:
    """Shows the option."""
    click.echo(str(horizon_in(zone)))


def test_the_option_names_the_zone_of_a_server_elsewhere() -> None:
    """Whatever this machine is set to."""
    result = CliRunner().invoke(shown, ["--zone=Asia/Tokyo"], env={"TZ": "Europe/Berlin"})
    assert result.output.endswith("server in Asia/Tokyo\n")


def test_a_horizon_is_the_years_around_now() -> None:
    """Last year, this one and the next two."""
    horizon = horizon_in("Europe/Berlin")
    assert len(horizon.years) == 4
    assert str(horizon).endswith("server in Europe/Berlin")


def test_an_unknown_zone_is_a_usage_error() -> None:
    """With a hint."""
    with pytest.raises(click.UsageError, match="Europe/Berlin"):
        horizon_in("Europe/Berln")


@pytest.mark.parametrize(
    ("environment", "zone"),
    [("Asia/Tokyo", "Asia/Tokyo"), (":Asia/Tokyo", "Asia/Tokyo"), ("JST-9", "UTC")],
)
def test_the_zone_is_that_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, environment: str, zone: str
) -> None:
    """As its environment says, and as a server has it; what is in no database is UTC."""
    monkeypatch.setenv("TZ", environment)
    assert str(horizon_in(None)).endswith(f"server in {zone}")
