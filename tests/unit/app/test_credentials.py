"""The passwords of a running server."""

from pathlib import Path

from structlog.testing import capture_logs

from dfks_rules.app.credentials import secrets_of


def test_secrets_are_read_and_the_log_says_how_many(tmp_path: Path) -> None:
    """And warns where others can read them; the secrets stay out of it."""
    path = tmp_path / "c.yaml"
    path.write_text("credentials: [{realm: pbx, user: keys, password: correct-horse}]\n")
    path.chmod(0o644)
    with capture_logs() as logs:
        assert list(secrets_of(path)) == [b"pbx"]
    assert [entry["event"] for entry in logs] == ["credentials_read", "credentials_warning"]
    assert logs[0]["realms"] == 1
    assert "correct-horse" not in str(logs)


def test_without_a_file_there_are_none() -> None:
    """As by default."""
    assert secrets_of(None) == {}
