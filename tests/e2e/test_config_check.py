"""`dfks config check` finds the mistakes that would otherwise be found by phones."""

import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helpers.certificates import authority

pytestmark = pytest.mark.e2e
DFKS = str(Path(sys.executable).with_name("dfks"))
USER = "user,domain,ha1_md5,ha1_sha256\nalice,{domain}," + "0" * 32 + "," + "0" * 64 + "\n"

Mistake = Callable[[Path, dict[str, Any]], object]
"""Makes one in the folder or in the settings, in which all is well."""


def _check(folder: Path, mistake: Mistake) -> tuple[int, str]:
    """What the command says, and its exit status."""
    authority().files(folder, "sip.example.com")
    authority().ca_file(folder)
    users = folder / "users.csv"
    users.write_text(USER.format(domain="example.com"))
    users.chmod(0o600)
    settings: dict[str, Any] = {
        "policies": [],
        "sip": {
            "listen": ["udp:0.0.0.0:5060", "tls:0.0.0.0:5061"],
            "tls": {"certificate": "server.pem", "key": "server.key", "client_ca": "ca.pem"},
        },
        "auth": {"mode": "digest", "realm": "example.com", "users": "users.csv"},
    }
    mistake(folder, settings)
    (folder / "dfks.yaml").write_text(yaml.safe_dump(settings))
    run = subprocess.run(
        [DFKS, "config", "check"], cwd=folder, capture_output=True, text=True, timeout=180
    )
    return run.returncode, run.stdout + run.stderr


def test_good_settings_are_said_to_be_good(tmp_path: Path) -> None:
    """With nothing else."""
    assert _check(tmp_path, lambda _folder, _settings: None) == (0, "dfks.yaml: OK\n")


def _expire(folder: Path, _settings: dict[str, Any]) -> None:
    authority().files(folder, "sip.example.com", expires=datetime(2024, 1, 1, tzinfo=UTC))


def _exchange_keys(folder: Path, settings: dict[str, Any]) -> None:
    authority().files(folder, "sip.example.com", stem="other")
    settings["sip"]["tls"]["key"] = "other.key"


def _make_users_a_folder(folder: Path, _settings: dict[str, Any]) -> None:
    (folder / "users.csv").unlink()
    (folder / "users.csv").mkdir()


ERRORS: dict[str, tuple[Mistake, str]] = {
    "key-is-not-there": (
        lambda folder, _: (folder / "server.key").unlink(),
        "server.key: cannot be read: No such file",
    ),
    "certificate-is-not-there": (
        lambda folder, _: (folder / "server.pem").unlink(),
        "server.pem: cannot be read: No such file",
    ),
    "client-ca-is-not-there": (
        lambda folder, _: (folder / "ca.pem").unlink(),
        "ca.pem: cannot be read: No such file",
    ),
    "certificate-has-expired": (_expire, "server.pem: expired on 2024-01-01"),
    "key-of-another": (_exchange_keys, "other.key: does not belong to the certificate"),
    "key-is-not-named": (lambda _, s: s["sip"]["tls"].pop("key"), "`sip.tls` needs `key`"),
    "tls-without-certificate": (lambda _, s: s["sip"].pop("tls"), "sip.tls"),
    "users-are-not-there": (
        lambda folder, _: (folder / "users.csv").unlink(),
        "users.csv: cannot read the users: No such file",
    ),
    "users-are-a-folder": (_make_users_a_folder, "users.csv: cannot read the users"),
    "users-are-broken": (
        lambda folder, _: (folder / "users.csv").write_text("user,domain,ha1_md5\na,b,c\n"),
        "users.csv:2",
    ),
    "users-are-not-named": (lambda _, s: s["auth"].pop("users"), "needs `auth.users"),
    "realm-is-not-named": (lambda _, s: s["auth"].pop("realm"), "needs `auth.realm"),
    "nobody-authenticates": (lambda _, s: s.pop("auth"), "0.0.0.0:5060"),
    "nobody-is-trusted": (lambda _, s: s["auth"].update(mode="trusted"), "needs the networks"),
    "unknown-algorithm": (lambda _, s: s["auth"].update(algorithms=["SHA-1"]), "SHA-1"),
    "trusted-is-no-network": (lambda _, s: s["auth"].update(trusted=["10.0.0.1/8"]), "10.0.0.0/8"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_a_mistake_is_an_error_with_its_place(tmp_path: Path, name: str) -> None:
    """Exit status 3, for scripts."""
    mistake, told = ERRORS[name]
    status, output = _check(tmp_path, mistake)
    assert (status, told in output, "OK" in output) == (3, True, False), output
    assert "Traceback" not in output


WARNINGS: dict[str, tuple[Mistake, str]] = {
    "realm-that-nobody-has": (
        lambda folder, _: (folder / "users.csv").write_text(USER.format(domain="example.net")),
        "users.csv: warning: no user has the domain `example.com`, which is `auth.realm`",
    ),
    "everybody-reads-the-users": (
        lambda folder, _: (folder / "users.csv").chmod(0o644),
        "users.csv: warning: every local account can read the file",
    ),
    "password-in-clear": (
        lambda folder, _: (folder / "users.csv").write_text(
            "user,domain,password\nalice,example.com,wonderland\n"
        ),
        "users.csv: warning: ",
    ),
    "no-hash-of-what-is-offered": (
        lambda folder, _: (folder / "users.csv").write_text(
            "user,domain,ha1_md5\nalice,example.com," + "0" * 32 + "\n"
        ),
        "users.csv: warning: ",
    ),
}


@pytest.mark.parametrize("name", WARNINGS)
def test_what_may_be_meant_is_warned_of(tmp_path: Path, name: str) -> None:
    """The server would start."""
    mistake, told = WARNINGS[name]
    status, output = _check(tmp_path, mistake)
    assert (status, told in output) == (0, True), output
    assert "wonderland" not in output
