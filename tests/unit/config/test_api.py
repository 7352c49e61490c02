"""The settings of the HTTP API."""

from pathlib import Path

import pytest

from dfks_rules.config import load_config
from dfks_rules.config.settings import ApiSettings, ListenAddress
from dfks_rules.errors import ConfigError


def _http(folder: Path, text: str) -> ApiSettings | None:
    path = folder / "dfks.yaml"
    path.write_text(text)
    return load_config(path, {}).http


def test_it_is_off_unless_it_is_configured(tmp_path: Path) -> None:
    """A door that nobody asked for is a hole."""
    assert _http(tmp_path, "{}") is None


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    """Loopback needs no tokens."""
    found = _http(tmp_path, "http: {listen: '127.0.0.1:8080'}")
    assert found is not None
    assert found.listen == ListenAddress("tcp", "127.0.0.1", 8080)
    assert (found.tokens, found.names, found.per_token) == (None, frozenset(), 200)
    assert found.console
    assert found.streams_per_token == 50


def test_the_console_can_be_left_out(tmp_path: Path) -> None:
    """Where only programs ask."""
    found = _http(tmp_path, "http: {listen: '127.0.0.1:8080', console: false}")
    assert found is not None
    assert not found.console


def test_the_file_of_tokens_is_beside_the_settings(tmp_path: Path) -> None:
    """Wherever the server is started."""
    text = "http: {listen: '127.0.0.1:1', tokens: t.json, names: [a.example], per_token: 5/s, "
    found = _http(tmp_path, f"{text}streams_per_token: 3}}")
    assert found is not None
    assert found.tokens == tmp_path / "t.json"
    assert (found.names, found.per_token) == (frozenset(["a.example"]), 5)
    assert found.streams_per_token == 3


def test_a_certificate_is_beside_the_settings_too(tmp_path: Path) -> None:
    """With its key."""
    tls = "tls: {certificate: c.pem, key: k.pem}"
    found = _http(tmp_path, f"http: {{listen: '127.0.0.1:1', {tls}}}")
    assert found is not None
    assert found.tls == (tmp_path / "c.pem", tmp_path / "k.pem")


@pytest.mark.parametrize(
    "text",
    [
        "http: {}",
        "http: {listen: '192.0.2.1:8080'}",
        "http: {listen: '0.0.0.0:8080'}",
        "http: {listen: 'nowhere'}",
        "http: {listen: '127.0.0.1:99999'}",
        "http: {listen: '127.0.0.1:1', per_token: 0/s}",
        "http: {listen: '127.0.0.1:1', streams_per_token: 0}",
        "http: {listen: '127.0.0.1:1', colour: red}",
        "http: {listen: '127.0.0.1:1', tls: {certificate: c.pem}}",
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, text: str) -> None:
    """Above all, an address for all the world without tokens."""
    with pytest.raises(ConfigError):
        _http(tmp_path, text)
