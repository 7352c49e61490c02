"""The files that a browser is given."""

from pathlib import Path

FOLDER = Path(__file__).parent / "static"
_SERVED = frozenset((".html", ".js", ".css", ".svg"))
"""Not what only developers read."""


def read_files() -> dict[str, bytes]:
    """Path below the console, with `/` between its parts → what it holds."""
    found = sorted(path for path in FOLDER.rglob("*") if path.suffix in _SERVED)
    return {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in found}
