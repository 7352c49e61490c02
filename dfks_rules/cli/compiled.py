"""Whether what is compiled (decisions 0007, 0031) matches its sources; in a clone, it may not."""

from collections.abc import Iterator, Mapping
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from pathlib import Path

_CLONE = Path(__file__).parents[2]
_PARTS = {
    "rooms": "dfks_rules.sip.message",
    "wire": "dfks_rules.sip._wire",
    "datagrams": "dfks_rules.transport._datagrams",
    "packing": "dfks_rules.presence._packing",
}
"""What can be compiled → a module that then is."""


def interpreted(parts: Mapping[str, str] = _PARTS) -> list[str]:
    """The parts that Python interprets here, since nobody has compiled them.

    Args:
        parts: names → a module of each.
    """
    return [name for name, module in parts.items() if not _is_compiled(module)]


def _is_compiled(module: str) -> bool:
    spec = find_spec(module)
    return spec is not None and (spec.origin or "").endswith(tuple(EXTENSION_SUFFIXES))


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
