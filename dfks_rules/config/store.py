"""The setting `store`: its short form (`sqlite:FILE`, `memory:`) and its long one, a mapping.

`postgresql://…` is that of a cluster, see `config.cluster`.
"""

from pathlib import Path
from typing import Any

from dfks_rules.config.schema import KeyPath

_SQLITE = "sqlite:"


def lengthen(values: Any, way: KeyPath) -> None:
    """Write the short form as a mapping, so that a variable can set a part of it.

    Args:
        values: settings, in which nothing is known to be right.
        way: what the variable sets: the file takes the place of `memory:`, the group does not.
    """
    store = values.get("store") if isinstance(values, dict) else None
    if len(way) < 2 or not isinstance(store, str):
        return
    if store.startswith(_SQLITE):
        values["store"] = {"sqlite": store.removeprefix(_SQLITE)}
    elif way[1] == "sqlite":
        values["store"] = {}


def build_store(store: str | dict[str, str], base: Path) -> tuple[Path | None, str | None]:
    """The file, and the group that may read it; None where there is none.

    Args:
        store: either form, found without mistakes.
        base: where relative paths start.
    """
    if isinstance(store, dict):
        return base / store["sqlite"], store.get("group")
    return (base / store.removeprefix(_SQLITE) if store.startswith(_SQLITE) else None), None
