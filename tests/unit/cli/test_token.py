"""`dfks token`."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dfks_rules.cli.main import dfks
from dfks_rules.errors import ConfigError
from dfks_rules.web.tokens import TokenFile


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the settings are."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "dfks.yaml").write_text("http: {listen: '127.0.0.1:8080', tokens: tokens.json}\n")
    return tmp_path


def _run(*arguments: str) -> Result:
    return CliRunner().invoke(dfks, ["token", *arguments])


def test_a_token_is_shown_once_and_works(folder: Path) -> None:
    """The list shows what it may do, not the token."""
    made = _run("create", "desk", "--scopes", "features:read,bulk", "--domains", "A.example")
    assert made.exit_code == 0
    token = made.output.strip()
    caller = TokenFile(folder / "tokens.json").caller(token)
    assert caller is not None
    assert (caller.name, caller.domains) == ("desk", frozenset(["a.example"]))
    listed = _run("list").output
    assert listed == "desk  features:read,bulk  a.example  never expires\n"
    assert token not in listed


def test_a_revoked_token_is_gone(folder: Path) -> None:
    """The others stay."""
    _run("create", "one", "--scopes", "all", "--expires", "90d")
    _run("create", "two", "--scopes", "all")
    assert _run("revoke", "two").output == "revoked two\n"
    listed = _run("list").output
    assert listed.startswith("one  features:read")
    assert "expires 20" in listed
    assert "two" not in listed
    assert _run("revoke", "two").exit_code == 1
    _run("revoke", "one")
    none = _run("list")
    assert (none.stdout, none.stderr) == ("", "no tokens\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "desk", "--scopes", "fly"),
        ("create", "desk", "--scopes", ","),
        ("create", "de\nsk", "--scopes", "all"),
        ("create", "desk", "--scopes", "all", "--expires", "soon"),
        ("create", "desk"),
    ],
)
def test_what_cannot_be_meant_is_refused(folder: Path, arguments: tuple[str, ...]) -> None:
    """And nothing is written."""
    assert _run(*arguments).exit_code == 2
    assert not (folder / "tokens.json").exists()


@pytest.mark.parametrize(
    ("option", "text", "why"),
    [
        ("--scopes", "fly", "`fly` is not a scope; the scopes are features:read, "),
        ("--expires", "soon", "`soon` is not a time such as `90d` or `12h`"),
    ],
)
def test_what_is_refused_is_named_with_what_is_expected(
    folder: Path, option: str, text: str, why: str
) -> None:
    """So that nobody has to look it up."""
    assert folder.exists()
    assert why in " ".join(_run("create", "desk", "--scopes", "all", option, text).output.split())


def test_a_name_means_one_token(folder: Path) -> None:
    """It stands in the journal."""
    assert folder.exists()
    assert _run("create", "desk", "--scopes", "all").exit_code == 0
    again = _run("create", "desk", "--scopes", "all")
    assert (again.exit_code, "there is already a token called `desk`" in again.output) == (1, True)


def test_settings_without_a_file_of_tokens_are_named(folder: Path) -> None:
    """It says what to set."""
    (folder / "dfks.yaml").write_text("http: {listen: '127.0.0.1:8080'}\n")
    with pytest.raises(ConfigError, match=r"http\.tokens: is not set"):
        CliRunner().invoke(dfks, ["token", "list"], catch_exceptions=False, standalone_mode=False)
