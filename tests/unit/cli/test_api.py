"""Which server a command asks."""

from collections.abc import Mapping
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dfks_rules.cli.api import api_options
from dfks_rules.errors import ConfigError
from dfks_rules.web.client import ApiClient


@click.command()
@api_options
def _show(api: ApiClient) -> None:
    click.echo(f"{api._url} {api._headers.get('Authorization', 'nobody')}")


def _run(*arguments: str, environment: Mapping[str, str] | None = None) -> str:
    given = {"DFKS_URL": None, "DFKS_TOKEN": None, **(environment or {})}
    result = CliRunner().invoke(_show, arguments, env=given, catch_exceptions=True)
    if isinstance(result.exception, ConfigError):
        raise result.exception
    return result.output.strip()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_is_the_one_that_is_named() -> None:
    """By option, else by environment."""
    assert _run("--url", "http://a.example:1/") == "http://a.example:1 nobody"
    assert _run(environment={"DFKS_URL": "http://b.example"}) == "http://b.example nobody"


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("0.0.0.0:8080", "http://127.0.0.1:8080"),
        ("[::]:8080", "http://[::1]:8080"),
    ],
)
def test_else_it_is_the_one_of_the_settings(folder: Path, listen: str, url: str) -> None:
    """An address for everybody is reached on this machine."""
    (folder / "dfks.yaml").write_text(f"http: {{listen: '{listen}', tokens: t.json}}\n")
    assert _run() == f"{url} nobody"


def test_a_server_with_a_certificate_is_reached_by_https(folder: Path) -> None:
    """Its settings say so."""
    tls = "tls: {certificate: c.pem, key: k.pem}"
    (folder / "dfks.yaml").write_text(f"http: {{listen: '127.0.0.1:8443', {tls}}}\n")
    assert _run() == "https://127.0.0.1:8443 nobody"


def test_the_token_comes_from_a_file_or_the_environment(folder: Path) -> None:
    """Never from the command line, which others can see."""
    (folder / "token").write_text("dfks_x\n")
    url, given = ("--url", "http://a.example"), {"DFKS_TOKEN": "dfks_y"}
    assert _run(*url, environment=given) == "http://a.example Bearer dfks_y"
    found = _run(*url, "--token-file", "token", environment=given)
    assert found == "http://a.example Bearer dfks_x"


def test_what_is_missing_is_said(folder: Path) -> None:
    """With what to do."""
    with pytest.raises(ConfigError, match="give --url"):
        _run()
    with pytest.raises(ConfigError, match="nothing: cannot be read: No such file or directory"):
        _run("--url", "http://a.example", "--token-file", str(folder / "nothing"))


@pytest.mark.parametrize("text", [b"dfks_x\ndfks_y\n", "dfks_\N{MIDDLE DOT}".encode(), b"\xff"])
def test_what_is_no_token_is_not_sent(folder: Path, text: bytes) -> None:
    """It would end the command in the middle of a request, or be a header of its own."""
    (folder / "token").write_bytes(text)
    with pytest.raises(ConfigError, match="token: "):
        _run("--url", "http://a.example", "--token-file", "token")
