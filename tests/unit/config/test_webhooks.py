"""The settings of webhooks."""

import ipaddress
from pathlib import Path

import pytest

from dfks_rules.config import load_config
from dfks_rules.errors import ConfigError


def test_no_private_network_is_allowed_by_default(tmp_path: Path) -> None:
    """Whoever may add webhooks must not reach what only the server can."""
    (tmp_path / "dfks.yaml").write_text("")
    assert load_config(tmp_path / "dfks.yaml", {}).webhooks.allow_networks == ()


def test_networks_are_read() -> None:
    """Also from the environment."""
    told = load_config(None, {"DFKS_WEBHOOKS__ALLOW_NETWORKS": "10.0.0.0/8, fd00::/8"})
    assert told.webhooks.allow_networks == (
        ipaddress.ip_network("10.0.0.0/8"),
        ipaddress.ip_network("fd00::/8"),
    )


@pytest.mark.parametrize("text", ["10.1.0.0/8", "pbx.example.com", "::ffff:10.0.0.0/104"])
def test_what_is_no_network_is_told_with_its_place(tmp_path: Path, text: str) -> None:
    """Before the server starts."""
    file = tmp_path / "dfks.yaml"
    file.write_text(f"webhooks:\n  allow_networks: ['{text}']\n")
    with pytest.raises(ConfigError, match=r"dfks\.yaml:2:20: .*allow_networks\[0\]"):
        load_config(file, {})
