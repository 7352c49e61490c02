"""Rates: which hold, and what they come to."""

from pathlib import Path

import pytest

from dfks_rules.config import Config, load_config
from dfks_rules.config.limits import rate_of, seconds_of
from dfks_rules.errors import ConfigError


def _load(folder: Path, text: str) -> Config:
    path = folder / "dfks.yaml"
    path.write_text(text)
    return load_config(path, {})


def _rates(config: Config) -> tuple[int | None, int | None]:
    return config.limits.per_source, config.presence.per_user


@pytest.mark.parametrize(("text", "rate"), [("200/s", 200), ("1/s", 1), ("none", None)])
def test_a_rate_is_a_number_a_second(text: str, rate: int | None) -> None:
    """Or none."""
    assert rate_of(text) == rate


@pytest.mark.parametrize(
    ("text", "seconds"), [("1s", 1), ("90m", 5400), ("12h", 43_200), ("30d", 2_592_000)]
)
def test_a_duration_is_a_number_with_a_unit(text: str, seconds: int) -> None:
    """As people write it."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["30", "0d", "-1d", "1w", "1.5d", "d", "30 d", "forever"])
def test_other_durations_are_refused(tmp_path: Path, text: str) -> None:
    """Thirty what?"""
    with pytest.raises(ConfigError, match=r"journal\.keep"):
        _load(tmp_path, f"journal: {{keep: {text!r}}}\n")


@pytest.mark.parametrize(
    ("listen", "rates"),
    [
        ("udp:127.0.0.1:0", (None, None)),
        ("udp:0.0.0.0:0", (200, 20)),
        ("udp:127.0.0.1:0, 'tcp:192.0.2.1:0'", (200, 20)),
    ],
)
def test_rates_hold_where_strangers_reach_the_server(
    tmp_path: Path, listen: str, rates: tuple[int | None, int | None]
) -> None:
    """On loopback a test or a bench may send as fast as it can."""
    text = f"sip: {{listen: [{listen}]}}\nauth: {{insecure: true}}\n"
    config = _load(tmp_path, text)
    assert _rates(config) == rates
    shown = {one.key: (one.value, one.origin) for one in config.settings}
    assert shown["limits.per_source"] == ("none" if rates[0] is None else "200/s", "default")
    assert shown["limits.per_user"] == ("none" if rates[1] is None else "20/s", "default")


def test_what_is_written_holds_anywhere(tmp_path: Path) -> None:
    """Also on loopback, and also that there is none."""
    assert _rates(_load(tmp_path, "limits: {per_source: 5/s}\n")) == (5, None)
    exposed = "sip: {listen: ['udp:0.0.0.0:0']}\nauth: {insecure: true}\n"
    assert _rates(_load(tmp_path, exposed + "limits: {per_user: none}\n")) == (200, None)


@pytest.mark.parametrize("text", ["200", "0/s", "200/m", "'200 /s'", "1000000/s", "off"])
def test_a_rate_that_cannot_be_read_is_a_mistake(tmp_path: Path, text: str) -> None:
    """With its place, and an example."""
    with pytest.raises(ConfigError) as caught:
        _load(tmp_path, f"limits: {{per_source: {text}}}\n")
    finding = str(caught.value.findings[0])
    assert "dfks.yaml:1:22: `limits.per_source` is `" in finding
    assert "; it must look like `200/s` or `none` [" in finding
