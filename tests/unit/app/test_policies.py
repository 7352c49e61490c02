"""Policy files from disk."""

from pathlib import Path

import pytest

from dfks_rules.app.policies import read_sources
from dfks_rules.errors import PolicyError


def test_directory_gives_its_policies_by_name_without_cases(tmp_path: Path) -> None:
    """The order decides between policies of one priority."""
    for name in ("b.yaml", "a.yml", "cases.yaml", "notes.txt"):
        (tmp_path / name).write_text(name)
    assert [source.text for source in read_sources([tmp_path])] == ["a.yml", "b.yaml"]


def test_every_unreadable_file_is_named(tmp_path: Path) -> None:
    """One run tells an operator everything."""
    (tmp_path / "latin.yaml").write_bytes(b"\xff")
    with pytest.raises(PolicyError) as raised:
        read_sources([tmp_path / "gone.yaml", tmp_path])
    assert [finding.code for finding in raised.value.findings] == ["policy_unreadable"] * 2
