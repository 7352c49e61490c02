"""`dfks config`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from dfks_rules.cli.main import dfks
from dfks_rules.errors import ConfigError
from tests.helpers.certificates import authority


def test_good_settings_are_said_to_be_good(tmp_path: Path) -> None:
    """A script reads the exit code, a person the word."""
    path = tmp_path / "dfks.yaml"
    path.write_text("policies: []\n")
    result = CliRunner().invoke(dfks, ["config", "check", str(path)])
    assert (result.exit_code, result.output) == (0, f"{path}: OK\n")


def test_bad_settings_are_an_error(tmp_path: Path) -> None:
    """`main` makes exit code 3 of it."""
    path = tmp_path / "dfks.yaml"
    path.write_text("stroe: x\n")
    result = CliRunner().invoke(dfks, ["config", "check", str(path)])
    assert isinstance(result.exception, ConfigError)


def test_policies_that_are_not_there_are_a_warning(tmp_path: Path) -> None:
    """The default is a folder beside the file, which a second instance has not."""
    path = tmp_path / "dfks.yaml"
    path.write_text("store: 'memory:'\n")
    result = CliRunner().invoke(dfks, ["config", "check", str(path)])
    assert result.exit_code == 0
    assert f"{tmp_path / 'policies/default'}: warning: cannot be read; the server" in result.output


def test_certificates_are_checked_as_a_phone_would(tmp_path: Path) -> None:
    """Missing, of another key, expired; only `check` opens files."""
    path = tmp_path / "dfks.yaml"
    path.write_text(
        "policies: []\nsip: {listen: ['tls:[::1]:5061'], tls: {certificate: a.pem, key: a.key}}\n"
    )

    def check() -> str:
        result = CliRunner().invoke(dfks, ["config", "check", str(path)])
        return result.output if result.exception is None else str(result.exception)

    assert "a.key: cannot be read: No such file or directory [config_bad_certificate]" in check()
    assert CliRunner().invoke(dfks, ["config", "show", str(path)]).exit_code == 0
    authority().files(tmp_path, "localhost", stem="a")
    assert check() == f"{path}: OK\n"
    _, other = authority().files(tmp_path, "localhost", stem="b")
    other.rename(tmp_path / "a.key")
    assert "a.key: does not belong to the certificate" in check()
    authority().files(tmp_path, "b", stem="a", expires=datetime(2020, 1, 1, tzinfo=UTC))
    assert "a.pem: expired on 2020-01-01 00:00 UTC [config_bad_certificate]" in check()


def test_a_certificate_without_a_listener_is_a_warning(tmp_path: Path) -> None:
    """Phones would find nobody on port 5061."""
    authority().files(tmp_path, "localhost", stem="a")
    path = tmp_path / "dfks.yaml"
    path.write_text("policies: []\nsip: {tls: {certificate: a.pem, key: a.key}}\n")
    result = CliRunner().invoke(dfks, ["config", "check", str(path)])
    assert f"{path}: warning: `sip.tls` has no effect: `sip.listen` has no " in result.output


def test_a_certificate_that_expires_soon_is_a_warning(tmp_path: Path) -> None:
    """There are two weeks to renew it."""
    ends = datetime.now(UTC) + timedelta(days=13)  # noqa: TID251 - it is about today
    authority().files(tmp_path, "localhost", stem="a", expires=ends)
    path = tmp_path / "dfks.yaml"
    path.write_text("sip: {listen: ['tls:[::1]:5061'], tls: {certificate: a.pem, key: a.key}}\n")
    result = CliRunner().invoke(dfks, ["config", "check", str(path)])
    assert f"a.pem: warning: expires on {ends:%Y-%m-%d}" in result.output
    assert f"{path}: OK" in result.output


def test_show_tells_values_and_origins_but_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its output is pasted into tickets."""
    monkeypatch.setenv("DFKS_LOG__LEVEL", "debug")
    path = tmp_path / "dfks.yaml"
    path.write_text(
        "mi: {http: {listen: 'localhost:1', secret: correct-horse}}\n"
        "trace: {hep: 'udp:homer:9060', key: battery}\n"
    )
    lines = CliRunner().invoke(dfks, ["config", "show", str(path)]).output.splitlines()
    assert "reload.watch = true  # default" in lines
    assert "log.level = debug  # DFKS_LOG__LEVEL" in lines
    assert "sip.listen = udp:127.0.0.1:5060, tcp:127.0.0.1:5060  # default" in lines
    assert f"mi.http.secret = ********  # {path}:1:44" in lines
    assert f"trace.key = ********  # {path}:2:37" in lines


def test_credentials_are_checked_and_not_shown(tmp_path: Path) -> None:
    """Relative to the settings; `show` says which file it is, and opens none."""
    path = tmp_path / "dfks.yaml"
    path.write_text("sip: {credentials: c.yaml}\n")
    missing = CliRunner().invoke(dfks, ["config", "check", str(path)])
    assert "c.yaml: cannot read the credentials" in str(missing.exception)
    (tmp_path / "c.yaml").write_text("credentials: [{realm: r, user: k, password: horse}]\n")
    (tmp_path / "c.yaml").chmod(0o644)
    result = CliRunner().invoke(dfks, ["config", "check", str(path)])
    assert result.exit_code == 0
    assert "every local account can read the file" in result.output
    shown = CliRunner().invoke(dfks, ["config", "show", str(path)]).output
    assert f"sip.credentials = c.yaml  # {path}:1:20" in shown
    assert "horse" not in result.output + shown


def test_a_group_that_is_not_there_is_a_warning(tmp_path: Path) -> None:
    """The settings may be meant for another machine."""
    file = tmp_path / "dfks.yaml"
    file.write_text("policies: []\nstore: {group: nobody-has-this}\n")
    result = CliRunner().invoke(dfks, ["config", "check", str(file)])
    assert result.exit_code == 0
    assert "there is no group `nobody-has-this` on this machine" in result.output
