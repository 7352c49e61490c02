"""The shape of the source: short files, and a charter in each room."""

import io
import re
import subprocess
import tokenize
import tomllib
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2] / "dfks_rules"
_ROOMS = sorted({path.parent for path in _ROOT.rglob("*.py")} - {_ROOT})
_TESTS = Path(__file__).parent
_TEXTS = {tokenize.STRING, getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)}
"""From Python 3.12 on, the text of an f-string is a token of its own."""
_WITHOUT_TWIN = {
    "model/decisions.py",
    "model/identity.py",
    "model/requests.py",
    "app/server.py",  # tests/e2e runs these whole
}
"""Source files without a unit test of their own. This list may only shrink."""


def test_no_source_file_is_over_400_lines() -> None:
    """What is longer does two things."""
    sources = [one for kind in ("*.py", "*.c", "*.h") for one in _ROOT.rglob(kind)]
    long = [str(f) for f in sources if len(f.read_text("utf-8").splitlines()) > 400]
    assert long == []


def test_no_pattern_repeats_a_group_possessively() -> None:
    """CPython 3.11.2, which Debian 12 has, reads on where such a repetition has failed midway."""
    possessive = re.compile(r"\)(?:[*+?]|\{[0-9,]+\})\+")
    of_groups = {
        f"{source.relative_to(_ROOT)}: {token.string}"
        for source in _ROOT.rglob("*.py")
        if possessive.search(text := source.read_text("utf-8"))
        for token in tokenize.generate_tokens(io.StringIO(text).readline)
        if token.type in _TEXTS
        and possessive.search(token.string)
        and not token.string.startswith('"""')
    }
    assert of_groups == set()


@pytest.mark.parametrize("room", _ROOMS, ids=lambda room: str(room.relative_to(_ROOT)))
def test_every_room_says_what_belongs_there(room: Path) -> None:
    """The charter is where a newcomer learns where code goes; rooms within rooms have theirs."""
    charter = (room / "__init__.py").read_text("utf-8")
    for line in ("Belongs here:", "Never here:", "May import:"):
        assert line in charter


def test_every_source_file_has_its_twin_among_the_tests() -> None:
    """Whoever changes a file finds its tests without searching."""
    sources = {
        source.relative_to(_ROOT)
        for source in _ROOT.rglob("*.py")
        if source.name not in ("__init__.py", "__main__.py", "ports.py")
    }
    without = {
        source.as_posix()
        for source in sources
        if not (_TESTS / source.with_name(f"test_{source.name}")).exists()
    }
    assert without == _WITHOUT_TWIN


def test_a_change_of_any_compiled_file_is_built_again() -> None:
    """Otherwise `make` would go on with what was compiled of the old one."""
    root = _ROOT.parent
    settings = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    included = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]["mypyc"]["include"]
    compiled = {str(path) for one in included for path in root.glob(one.removeprefix("/"))}
    native = {str(path) for path in _ROOT.rglob("*.[ch]")}
    assert native
    for variable, files in (("COMPILED", compiled), ("NATIVE", native)):
        rule = f"show:;@printf '%s\\n' $({variable})"
        command = ["make", "--no-print-directory", "-f", "Makefile", "--eval", rule, "show"]
        shown = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
        assert {str(root / one) for one in shown.split()} == files
