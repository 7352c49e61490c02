"""Profiles files."""

import os
from pathlib import Path

import pytest

from dfks_rules.config.profiles import ReadProfiles, read_profiles
from dfks_rules.config.schema import profiles_schema
from dfks_rules.csta.style import OffNumber
from dfks_rules.errors import ConfigError
from dfks_rules.presence.package import OnNotifyTimeout
from dfks_rules.presence.profile import Profile, Profiles
from dfks_rules.sip.digest import Algorithm
from tests.helpers.published import ROOT

_PAGE = ROOT / "docs/reference/phones.md"
PROPERTIES = profiles_schema()["properties"]["profiles"]["items"]["properties"]


def _read(tmp_path: Path, text: str) -> ReadProfiles:
    path = tmp_path / "profiles.yaml"
    path.write_text("profiles:\n" + text if text.startswith("  ") else text)
    return read_profiles(path)


def _of(read: ReadProfiles, user_agent: str) -> Profile:
    return Profiles(read.rows, read.default).of(user_agent)


def _wrong(tmp_path: Path, text: str) -> list[str]:
    """The findings, without the path of the file."""
    with pytest.raises(ConfigError) as caught:
        _read(tmp_path, text)
    return [str(one).removeprefix(f"{tmp_path}/") for one in caught.value.findings]


def test_without_a_file_there_are_those_that_come_with_the_server() -> None:
    """What is known of phones holds for everybody."""
    read = read_profiles(None)
    yealink = _of(read, "Yealink SIP-T46S 66.85.0.5")
    assert (yealink.name, yealink.echoes_ignored) == ("yealink", True)
    sofia = _of(read, "nua sofia-sip/1.12.11devel")
    assert (sofia.algorithms, sofia.refreshes_from) == ((Algorithm.MD5,), 0.25)
    assert _of(read, "Acme").name == "default"
    assert set(read.origins.values()) == {"comes with the server"}


def test_every_setting_arrives(tmp_path: Path) -> None:
    """One with each of them, so that none is forgotten."""
    text = """
  - name: all
    match: ["Acme *"]
    extends: default
    body: single
    max_body: 1200
    boundary: quoted
    declaration: single
    encoding: UTF-8
    off_number: empty
    device: "text:9995060044"
    on_notify_timeout: drop
    notify_timeouts: 3
    seen: true
    echoes: ignored
    repeats: refresh
    refreshes_from: 30
    algorithms: [MD5, SHA-256]
"""
    profile = _of(_read(tmp_path, "profiles:" + text), "Acme T2")
    assert all(f"    {key}:" in text or key == "name" for key in PROPERTIES)
    style = profile.style
    assert (style.latin_1, style.off_number, style.quoted_boundary) == (None, OffNumber.EMPTY, True)
    assert style.utf_8.startswith("<?xml version='1.0'")
    assert (profile.device, profile.device_is_user) == ("9995060044", False)
    assert (profile.multipart, profile.max_body) == (False, 1200)
    assert (profile.on_notify_timeout, profile.notify_timeouts) == (OnNotifyTimeout.DROP, 3)
    assert (profile.seen, profile.echoes_ignored, profile.refreshes_from) == (True, True, 0.3)
    assert profile.algorithms == (Algorithm.MD5, Algorithm.SHA_256)


@pytest.mark.parametrize(
    ("device", "text", "is_user"),
    [("echo", None, False), ("user", None, True), ("empty", "", False)],
)
def test_device_is_written_in_one_of_four_ways(
    tmp_path: Path, device: str, text: str | None, is_user: bool
) -> None:
    """The fourth is a text, above."""
    profile = _of(_read(tmp_path, f"  - {{name: a, match: [a], device: {device}}}\n"), "a")
    assert (profile.device, profile.device_is_user) == (text, is_user)


def test_an_operators_profile_is_tried_before_the_shipped_ones(tmp_path: Path) -> None:
    """In its file, an earlier one before a later one."""
    read = _read(
        tmp_path,
        '  - {name: t46, match: ["Yealink SIP-T46*"], extends: yealink, body: single}\n'
        '  - {name: t4, match: ["Yealink SIP-T4*"]}\n',
    )
    t46 = _of(read, "Yealink SIP-T46S")
    assert (t46.name, t46.multipart, t46.echoes_ignored) == ("t46", False, True)
    assert _of(read, "Yealink SIP-T42S").name == "t4"
    assert _of(read, "Yealink SIP-T54W").name == "yealink"
    assert read.origins["t4"] == f"{tmp_path}/profiles.yaml:3"


def test_a_shipped_profile_may_be_replaced_or_changed(tmp_path: Path) -> None:
    """By its name; what extends itself keeps what it does not write, and whom it is for."""
    read = _read(tmp_path, "  - {name: yealink, extends: yealink, max_body: 1200}\n")
    changed = _of(read, "Yealink SIP-T46S")
    assert (changed.max_body, changed.echoes_ignored) == (1200, True)
    read = _read(tmp_path, '  - {name: yealink, match: ["Yealink *"]}\n')
    assert not _of(read, "Yealink SIP-T46S").echoes_ignored


def test_the_default_profile_is_what_the_others_start_from(tmp_path: Path) -> None:
    """One line changes all phones, but for what is known of some."""
    read = _read(tmp_path, "  - {name: default, echoes: ignored, off_number: left_out}\n")
    assert _of(read, "Acme").echoes_ignored
    assert _of(read, "Linphone/5").style.off_number is OffNumber.LEFT_OUT
    read = _read(tmp_path, '  - {name: a, match: ["a"], echoes: ignored}\n')
    assert not _of(read, "b").echoes_ignored


@pytest.mark.parametrize(
    ("profile", "column", "message"),
    [
        ("{match: [a]}", 5, "`profiles[0]` needs `name`"),
        ("{name: a, ecoes: x}", 15, "unknown key `profiles[0].ecoes` (did you mean `echoes`?)"),
        ("{name: a, echoes: no}", 23, "`profiles[0].echoes` is `no`; it must be one of"),
        ("{name: A b}", 12, "`profiles[0].name` is `A b`; it must look like `yealink`"),
        ("{name: a, match: ['^T4.*$']}", 22, "`^T4.*$` looks like a regular expression; a"),
        ("{name: a, match: []}", 22, "`profiles[0].match` is empty"),
        ("{name: a, max_body: 1}", 25, "`profiles[0].max_body` is `1`; the minimum is 256"),
        ("{name: a, device: x}", 23, "`profiles[0].device` is `x`; it must look like `echo` or"),
        ("{name: a, extends: snmo}", 24, "unknown profile `snmo` (did you mean `snom`?)"),
        ("{name: a, extends: a}", 24, "`a` extends itself; no profile of that name comes"),
        ("{name: default, match: [a]}", 28, "`default` is for phones that no profile matches"),
        ("{name: a, name: b}", 15, "key `name` appears twice"),
    ],
)
def test_every_mistake_has_its_place(
    tmp_path: Path, profile: str, column: int, message: str
) -> None:
    """Line and column, and what to write instead."""
    (said,) = _wrong(tmp_path, f"  - {profile}\n")
    assert said.startswith(f"profiles.yaml:2:{column}: {message}")


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("- a\n", "1:1: file must be a mapping"),
        ("{}\n", "1:1: file needs `profiles`"),
        ("  - {name: a}\n  - {name: a}\n", "3:12: profile `a` appears twice, first on line 2"),
    ],
)
def test_so_has_a_mistake_of_the_whole(tmp_path: Path, text: str, finding: str) -> None:
    """Of the file, or of two profiles together."""
    (said,) = _wrong(tmp_path, text)
    assert said.startswith(f"profiles.yaml:{finding}")


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """Also a circle, at each who is in it."""
    text = "  - {name: a, extends: b}\n  - {name: b, extends: a}\n  - {name: c, extends: a}\n"
    assert [line.partition(": ")[2] for line in _wrong(tmp_path, text)] == [
        "`a` extends itself by way of `b` [config_bad_value]",
        "`b` extends itself by way of `a` [config_bad_value]",
    ]
    assert len(_wrong(tmp_path, "  - {name: a, seen: 1}\n  - {name: b, seen: 2}\n")) == 2


def test_a_file_that_cannot_be_read_is_said_to_be_so(tmp_path: Path) -> None:
    """A FIFO, to which nobody ever writes, must not end all reloads."""
    with pytest.raises(ConfigError, match="cannot read the profiles: No such file"):
        read_profiles(tmp_path / "none.yaml")
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(ConfigError, match="it is not a regular file"):
        read_profiles(tmp_path / "fifo")
    (tmp_path / "latin.yaml").write_bytes(b"\xff")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        read_profiles(tmp_path / "latin.yaml")


@pytest.mark.parametrize("key", PROPERTIES)
def test_every_setting_is_in_the_reference(key: str) -> None:
    """A setting that nobody can find does not exist."""
    assert f"`{key}`" in _PAGE.read_text("utf-8")


@pytest.mark.parametrize("name", list(read_profiles(None).settings))
def test_every_shipped_profile_is_in_the_reference(name: str) -> None:
    """With what is known of the phones."""
    assert f"`{name}`" in _PAGE.read_text("utf-8")
