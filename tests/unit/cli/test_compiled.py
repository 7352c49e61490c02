"""Nobody runs compiled code that is older than its source without being told."""

import os
from pathlib import Path

import pytest

from dfks_rules.cli.compiled import advice, interpreted, outdated


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with one compiled module, newer than its source."""
    room = tmp_path / "dfks_rules" / "sip"
    room.mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    for second, name in enumerate(("via.py", "via.cpython-311-x86_64-linux-gnu.so")):
        (room / name).touch()
        os.utime(room / name, (second, second))
    return tmp_path


def test_what_was_compiled_from_the_source_is_fine(clone: Path) -> None:
    """After `make setup`."""
    assert not list(outdated(clone))
    assert not advice(clone)


def test_a_source_that_was_changed_or_is_gone_is_told(clone: Path) -> None:
    """What was compiled would be run all the same."""
    source = clone / "dfks_rules" / "sip" / "via.py"
    os.utime(source, (2, 2))
    assert list(outdated(clone)) == [Path("dfks_rules/sip/via.py")]
    assert advice(clone).endswith("since the last build: dfks_rules/sip/via.py")
    source.unlink()
    assert list(outdated(clone)) == [Path("dfks_rules/sip/via.py")]


def test_a_changed_source_in_c_is_told(clone: Path) -> None:
    """It is of the module in its room whose name begins with an underscore."""
    native = clone / "dfks_rules" / "sip" / "native"
    native.mkdir()
    for second, path in enumerate((native / "wire.c", native.parent / "_wire.so", native / "w.h")):
        path.touch()
        os.utime(path, (second, second))
    assert list(outdated(clone)) == [Path("dfks_rules/sip/native/w.h")]


def test_an_installed_package_has_nothing_to_compare(clone: Path) -> None:
    """Installers write files in any order."""
    os.utime(clone / "dfks_rules" / "sip" / "via.py", (2, 2))
    (clone / "pyproject.toml").unlink()
    assert not list(outdated(clone))


def test_parts_that_nobody_has_compiled_are_named() -> None:
    """A line of the log says so: each costs CPU."""
    parts = {"bodies": "lxml.etree", "errors": "dfks_rules.errors", "gone": "dfks_rules.gone"}
    assert interpreted(parts) == ["errors", "gone"]
    assert set(interpreted()) <= {"rooms", "wire", "datagrams", "packing"}
