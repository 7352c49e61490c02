"""Files beside dfks.yaml."""

import os
from pathlib import Path

import pytest

from dfks_rules.config.files import check_size, is_blank, read_text
from dfks_rules.errors import ConfigError


def _fault(path: Path, **more: str) -> str:
    with pytest.raises(ConfigError) as caught:
        read_text(path, "users", 4, **more)
    (finding,) = caught.value.findings
    return str(finding)


def test_whole_text_is_read(tmp_path: Path) -> None:
    """Up to the last byte that it may have."""
    path = tmp_path / "a"
    path.write_text("añb", encoding="utf-8")
    assert read_text(path, "users", 4) == "añb"


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    """Where there is no file, with a hint; nobody waits for who writes into a FIFO."""
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "latin1").write_bytes(b"\xe9")
    none = _fault(tmp_path / "none", if_missing="; make one", if_larger="; no")
    assert none.endswith("cannot read the users: No such file or directory; make one "
                         "[config_unreadable]")  # fmt: skip
    assert "cannot read the users: it is not a regular file [" in _fault(tmp_path / "fifo")
    assert "cannot read the users: Is a directory [" in _fault(tmp_path)
    assert "is not UTF-8 text [config_unreadable]" in _fault(tmp_path / "latin1")


def test_too_large_a_file_is_too_large_wherever_it_is_cut(tmp_path: Path) -> None:
    """Also where the last byte that is read begins a character."""
    path = tmp_path / "a"
    path.write_text("abcdé", encoding="utf-8")
    wanted = "file has more than 4 bytes; CSV [config_limit]"
    assert wanted in _fault(path, if_larger="; CSV", if_missing="; no")


def test_size_is_checked_before_a_file_is_written_as_well() -> None:
    """What could not be read again is not written."""
    check_size(Path("a"), 4, 4)
    with pytest.raises(ConfigError, match="more than 4 bytes"):
        check_size(Path("a"), 5, 4)


@pytest.mark.parametrize(
    ("text", "expected"), [("", True), ("\n # a\n\t\n", True), ("# a\n- b", False)]
)
def test_comments_are_nothing(text: str, *, expected: bool) -> None:
    """A file may have no entries yet."""
    assert is_blank(text) is expected
