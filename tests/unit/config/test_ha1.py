"""H(A1) and passwords in files."""

from pathlib import Path
from typing import Any

import pytest

from dfks_rules.config.ha1 import WrongEntryError, exposure_of, ha1s_in, text_in
from dfks_rules.sip.digest import Algorithm, ha1_of

_MD5, _SHA_256 = "0a" * 16, "0a" * 32


def test_what_is_not_written_follows_from_the_password() -> None:
    """What is written goes first: it may be that of another password, which is being changed."""
    entry = {"password": 123, "ha1_md5": _MD5.upper()}
    assert ha1s_in(entry, "alice", "pbx", "`alice`") == {
        Algorithm.MD5: _MD5.encode(),
        Algorithm.SHA_256: ha1_of(Algorithm.SHA_256, "alice", "pbx", "123"),
    }


def test_without_a_password_there_is_only_what_is_written() -> None:
    """A file may be made for one algorithm."""
    ha1s = ha1s_in({"ha1_sha256": _SHA_256}, "alice", "pbx", "`alice`")
    assert ha1s == {Algorithm.SHA_256: _SHA_256.encode()}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({}, "`alice` has none of `ha1_md5`, `ha1_sha256` and `password`"),
        ({"ha1_md5": _SHA_256}, "`ha1_md5` of `alice` must be hexadecimal digits; make it"),
        ({"ha1_sha256": "secret"}, "`ha1_sha256` of `alice` must be hexadecimal digits; make it"),
        ({"password": True}, "`password` must be text; put it in quotes"),
        ({"password": ["a"]}, "`password` must be text; put it in quotes"),
    ],
)
def test_mistakes_are_said_without_what_may_be_a_password(
    entry: dict[str, Any], message: str
) -> None:
    """Findings go to logs."""
    with pytest.raises(WrongEntryError) as caught:
        ha1s_in(entry, "alice", "pbx", "`alice`", "; make it")
    assert str(caught.value) == message


def test_digits_are_text() -> None:
    """Users are often numbers, and so are passwords."""
    assert [text_in({"user": 4711}, name) for name in ("user", "realm")] == ["4711", ""]


@pytest.mark.parametrize(("mode", "is_exposed"), [(0o640, False), (0o644, True)])
def test_file_that_everybody_can_read_is_exposed(
    tmp_path: Path, mode: int, *, is_exposed: bool
) -> None:
    """H(A1) is as good as the password; a file that is gone exposes nothing."""
    path = tmp_path / "a"
    path.touch()
    path.chmod(mode)
    assert (exposure_of(path) is not None) is is_exposed
    assert exposure_of(tmp_path / "none") is None
