"""Whether the compiled rooms (decision 0007) match their sources; in a clone, they may not."""

from collections.abc import Iterator
from pathlib import Path

_CLONE = Path(__file__).parents[2]


def advice(clone: Path = _CLONE) -> str:
    """Advice on sources that changed since they were compiled; empty if there are none.

    Args:
        clone: see `outdated`.
    """
    changed = ", ".join(map(str, sorted(outdated(clone))))
    return (
        f"run `make -B setup`; sources changed since the last build: {changed}" if changed else ""
    )


def outdated(clone: Path = _CLONE) -> Iterator[Path]:
    """Sources changed or deleted since they were compiled; none in an installed package.

    Args:
        clone: the folder that contains `pyproject.toml`.
    """
    if not (clone / "pyproject.toml").exists():
        return
    for native in (clone / "dfks_rules").glob("*/*.so"):
        source = native.with_name(native.name.partition(".")[0] + ".py")
        if not source.exists() or source.stat().st_mtime > native.stat().st_mtime:
            yield source.relative_to(clone)
