"""Is what was compiled (decision 0007) what stands in the sources? In a clone it may not be."""

from collections.abc import Iterator
from pathlib import Path

_CLONE = Path(__file__).parents[2]


def outdated(clone: Path = _CLONE) -> Iterator[Path]:
    """Sources that were changed, or are gone, since they were compiled; none where it is installed.

    Args:
        clone: the folder of `pyproject.toml`.
    """
    if not (clone / "pyproject.toml").exists():
        return
    for native in (clone / "dfks_rules").glob("*/*.so"):
        source = native.with_name(native.name.partition(".")[0] + ".py")
        if not source.exists() or source.stat().st_mtime > native.stat().st_mtime:
            yield source.relative_to(clone)
