"""The file of settings of a bridge."""

from pathlib import Path

import pytest

from dfks_rules.bridges.asterisk.switch import AsteriskSettings
from dfks_rules.bridges.fusionpbx.esl import EslSettings
from dfks_rules.bridges.fusionpbx.switch import Cache
from dfks_rules.bridges.settings import load_bridge
from dfks_rules.errors import ConfigError


def _load(folder: Path, text: str) -> str:
    """The findings."""
    (folder / "bridge.yaml").write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_bridge(folder / "bridge.yaml")
    return str(raised.value).replace(f"{folder}/", "")


def test_what_is_written_holds_and_the_rest_is_default(tmp_path: Path) -> None:
    """Paths start at the folder of the file; secrets stand in files of their own."""
    (tmp_path / "ami.secret").write_text("s3cret\n")
    (tmp_path / "token").write_text("dfks_x\n")
    (tmp_path / "bridge.yaml").write_text(
        "domain: Example.com\ntoken_file: token\nasterisk: {user: dfks, secret_file: ami.secret}\n"
    )
    settings = load_bridge(tmp_path / "bridge.yaml")
    assert settings.asterisk == AsteriskSettings("127.0.0.1", 5038, "dfks", "s3cret")
    assert (settings.url, settings.token) == ("http://127.0.0.1:8080", "dfks_x")
    assert settings.numbering.presentity_of("201") == "sip:201@example.com"
    assert (settings.memory, settings.every) == (tmp_path / "bridge.db", 60.0)


def test_fusionpbx_has_settings_of_its_own(tmp_path: Path) -> None:
    """The event socket only needs a password where a cache is dropped by it."""
    (tmp_path / "db").write_text("host=/run dbname=fusionpbx\n")
    file = tmp_path / "bridge.yaml"
    file.write_text("domain: a.b\nfusionpbx: {database_file: db, cache: none}\n")
    found = load_bridge(file).fusionpbx
    assert found is not None
    assert (found.conninfo, found.cache) == ("host=/run dbname=fusionpbx", Cache.NONE)
    assert (found.esl, found.seconds_per_ring) == (EslSettings("127.0.0.1", 8021, ""), 6)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("url: http://x\n", "bridge.yaml:1:1: file needs `domain`"),
        (
            "domain: a.b\nsweeep: 1\n",
            "bridge.yaml:2:1: unknown key `sweeep` (did you mean `sweep`?)",
        ),
        ("domain: a.b\nsweep: 0\n", "bridge.yaml:2:8: `sweep` is `0`; the minimum is 1"),
        ("domain: a.b\npresentity: x\n", "bridge.yaml:2:13: `x` must look like"),
        ("domain: a.b\nasterisk: {user: x}\n", "`asterisk` needs `secret_file`"),
        ("domain: a.b\nasterisk: {user: x, secret_file: y}\n", "y: cannot read the secret"),
        ("domain: a.b\nfusionpbx: {database_file: x}\n", "password_file: is needed unless"),
        ("domain: a.b\ntoken_file: bridge.yaml\n", "must hold the token, in one line"),
        ("[", "bridge.yaml:"),
    ],
)
def test_mistakes_are_told_with_their_places(tmp_path: Path, text: str, told: str) -> None:
    """As those of dfks.yaml are."""
    assert told in _load(tmp_path, text)


def test_missing_file_is_told(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(ConfigError, match="cannot read the settings"):
        load_bridge(tmp_path / "none.yaml")
