"""ReadCredentials files, by real files."""

import os
from pathlib import Path

import pytest

from dfks_rules.config.credentials import ReadCredentials, read_credentials
from dfks_rules.errors import ConfigError
from dfks_rules.sip.digest import Algorithm, ha1_of

MD5, SHA = "a" * 32, "b" * 64


def _read(folder: Path, text: str) -> ReadCredentials:
    path = folder / "c.yaml"
    path.write_text(text)
    path.chmod(0o600)
    return read_credentials(path)


def test_a_password_stands_for_the_hashes_of_every_algorithm(tmp_path: Path) -> None:
    """What is kept is H(A1)."""
    secrets, warnings = _read(
        tmp_path,
        "credentials:\n  - {realm: pbx, user: keys, password: 4711}\n"
        f"  - {{realm: 'a, b', user: k2, ha1_md5: {MD5.upper()}}}\n",
    )
    assert warnings == []
    assert {one: secrets[b"pbx"].ha1s[one] for one in Algorithm} == {
        one: ha1_of(one, "keys", "pbx", "4711") for one in Algorithm
    }
    assert (secrets[b"a, b"].user, secrets[b"a, b"].ha1s) == (b"k2", {Algorithm.MD5: MD5.encode()})


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("{user: k, password: x}", "an entry needs `realm`"),
        ("{realm: r, password: x}", "an entry needs `user`"),
        ("{realm: r, user: k}", "realm `r` has none of `ha1_md5`, `ha1_sha256` and `password`"),
        ("{realm: r, user: k, pasword: x}", "unknown key `pasword` (did you mean `password`?)"),
        ("{realm: 'a\"b', user: k, password: x}", "`realm` must be 1 to 512 characters"),
        ("{realm: r, user: 'a\\b', password: x}", "`user` must be 1 to 512 characters"),
        ("{realm: r, user: k, ha1_md5: secret}", "`ha1_md5` of realm `r` must be hexadecimal"),
        ("{realm: r, user: k, password: true}", "`password` must be text; put it in quotes"),
    ],
)
def test_each_mistake_is_found_with_its_line_and_without_the_secret(
    tmp_path: Path, entry: str, message: str
) -> None:
    """The message is pasted into tickets."""
    good = "{realm: good, user: k, password: x}"
    with pytest.raises(ConfigError) as caught:
        _read(tmp_path, f"credentials:\n  - {good}\n  - {entry}\n  - {good}\n")
    first, twice = (str(one).removeprefix(f"{tmp_path}/") for one in caught.value.findings)
    assert first.startswith(f"c.yaml:3:5: {message}")
    assert "secret" not in first
    assert twice.startswith("c.yaml:4:5: realm `good` appears twice")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("users: []", "must be `credentials:` and a list"),
        ("credentials: {realm: r}", "must be `credentials:` and a list"),
        ("credentials: [x]", "must be `credentials:` and a list"),
        ("credentials: [", "[config_yaml]"),
        ("credentials: [] # " + "x" * 300_000, "[config_limit]"),
    ],
)
def test_a_file_of_another_form_is_refused(tmp_path: Path, text: str, message: str) -> None:
    """As a whole."""
    with pytest.raises(ConfigError) as caught:
        _read(tmp_path, text)
    assert message in str(caught.value.findings[0])


def test_a_file_that_cannot_be_read_is_said_to_be(tmp_path: Path) -> None:
    """Missing, not a file, not text; a FIFO without a writer does not hold the start."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "bytes").write_bytes(b"\xff")
    for name, message in (
        ("missing", "cannot read the credentials: No such file or directory"),
        ("fifo", "cannot read the credentials: it is not a regular file"),
        ("bytes", "is not UTF-8 text"),
    ):
        with pytest.raises(ConfigError) as caught:
            read_credentials(tmp_path / name)
        assert message in str(caught.value.findings[0])


def test_a_file_without_use_or_open_to_all_is_a_warning(tmp_path: Path) -> None:
    """It can be used."""
    path = tmp_path / "c.yaml"
    path.write_text("# later\n")
    path.chmod(0o604)
    secrets, warnings = read_credentials(path)
    assert secrets == {}
    assert [one.message.partition(",")[0].partition(";")[0] for one in warnings] == [
        "every local account can read the file",
        "has no credentials",
    ]


@pytest.mark.parametrize("said", ["password:wonder", "password: !wonder", "password: *wonder"])
def test_a_password_that_yaml_takes_for_something_else_is_not_shown(
    tmp_path: Path, said: str
) -> None:
    """The finding goes to the log; it has the place."""
    with pytest.raises(ConfigError) as caught:
        _read(tmp_path, f"credentials:\n  - {{realm: r, user: k, {said}}}\n")
    assert "wonder" not in str(caught.value)
    assert "yaml:2:" in str(caught.value)
