"""Whether what is compiled (decisions 0007, 0031) matches its sources; in a clone, it may not."""

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
        name = native.name.partition(".")[0]
        sources = [native.with_name(f"{name}.py")]
        if name.startswith("_"):  # It is written in C (decision 0031).
            sources = [*native.parent.glob("native/*.[ch]")]
        for source in sources:
            if not source.exists() or source.stat().st_mtime > native.stat().st_mtime:
                yield source.relative_to(clone)
