"""`dfks policy fmt`."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dfks_rules.cli.policy.fmt import command
from dfks_rules.errors import PolicyError

MESSY = "kind: Policy\n# about api\napiVersion:   'dfks/v1'\n"
NEAT = "# about api\napiVersion: dfks/v1\nkind: Policy\n"


@pytest.fixture
def messy(tmp_path: Path) -> Path:
    """A file that is not laid out."""
    path = tmp_path / "deep" / "p.yaml"
    path.parent.mkdir()
    path.write_text(MESSY)
    path.chmod(0o640)
    return path


def fmt(*arguments: str | Path) -> Result:
    """What the command prints and returns."""
    return CliRunner().invoke(command, [str(one) for one in arguments])


def test_files_below_a_directory_are_laid_out_in_place(messy: Path, tmp_path: Path) -> None:
    """Once for a whole repository; the mode of a file is its owner's affair."""
    result = fmt(tmp_path)
    assert (result.exit_code, result.output) == (0, f"{messy}: reformatted\n")
    assert messy.read_text() == NEAT
    assert messy.stat().st_mode & 0o777 == 0o640
    assert [one.name for one in messy.parent.iterdir()] == ["p.yaml"]
    again = fmt(tmp_path)
    assert (again.exit_code, again.output) == (0, "")


def test_check_writes_nothing_and_fails(messy: Path) -> None:
    """For a pipeline."""
    result = fmt("--check", messy)
    assert (result.exit_code, result.output) == (1, f"{messy}: would be reformatted\n")
    assert messy.read_text() == MESSY


def test_diff_shows_what_would_change(messy: Path) -> None:
    """For a look before."""
    result = fmt("--diff", messy)
    assert result.exit_code == 1
    assert f"--- {messy}\n+++ {messy}\n" in result.output
    assert "-apiVersion:   'dfks/v1'\n" in result.output
    assert "+apiVersion: dfks/v1\n" in result.output
    assert messy.read_text() == MESSY


def test_a_symbolic_link_stays_one(messy: Path, tmp_path: Path) -> None:
    """Operators link policies into several directories."""
    link = tmp_path / "link.yaml"
    link.symlink_to(messy)
    assert fmt(link).exit_code == 0
    assert link.is_symlink()
    assert messy.read_text() == NEAT


def test_line_ends_of_windows_go(tmp_path: Path) -> None:
    """One layout, on every machine."""
    path = tmp_path / "p.yaml"
    path.write_bytes(b"a: 1\r\n")
    assert fmt(path).exit_code == 0
    assert path.read_bytes() == b"a: 1\n"


def test_a_broken_file_does_not_keep_the_others_from_it(messy: Path, tmp_path: Path) -> None:
    """It is told, and left as it is."""
    broken = tmp_path / "a.yaml"
    broken.write_text("a: [\n")
    result = fmt(tmp_path)
    assert isinstance(result.exception, PolicyError)
    assert str(result.exception).startswith(f"{broken}:2:1: invalid YAML")
    assert messy.read_text() == NEAT


def test_what_is_not_text_is_told(tmp_path: Path) -> None:
    """Somebody will name a picture."""
    path = tmp_path / "p.yaml"
    path.write_bytes(b"\xff\xfe")
    assert isinstance(fmt(path).exception, PolicyError)
