"""`statistics`: counters since the start."""

from collections.abc import Mapping
from typing import Any

from dfks_rules.mi.errors import NOT_FOUND, NOT_SUPPORTED, CallError
from dfks_rules.mi.registry import Desk, Given, Method, Parameter
from dfks_rules.mi.values import take_texts


async def get(desk: Desk, given: Given) -> Any:
    """Values by name."""
    return _choose(desk, given)


async def list_(desk: Desk, given: Given) -> Any:
    """Names only."""
    return list(_choose(desk, given))


async def reset(desk: Desk, given: Given) -> Any:
    """Refuse: with two readers, neither could trust a counter that the other may reset."""
    _choose(desk, given)
    reason = "counters run from the start of the server: compare two readings"
    raise CallError(NOT_SUPPORTED, "Statistics cannot be reset", reason)


def _choose(desk: Desk, given: Given) -> Mapping[str, int]:
    values = dict(sorted(desk.operations.statistics().items()))
    if "statistics" not in given:
        return values
    chosen: dict[str, int] = {}
    for name in given["statistics"]:
        found = {key: value for key, value in values.items() if _is_meant(key, name)}
        if not found:
            raise CallError(NOT_FOUND, "Statistics not found", f"no statistic is named `{name}`")
        chosen |= found
    return chosen


def _is_meant(key: str, name: str) -> bool:
    """Whether `all`, a group (`presence:`), a full name or a bare name means this one."""
    if name == "all" or name == key:
        return True
    return key.startswith(name) if name.endswith(":") else key.partition(":")[2] == name


_STATISTICS = {
    "statistics": Parameter(
        take_texts,
        "names: `group:name`, `name`, `group:` for a whole group, or `all`",
        is_list=True,
    )
}

METHODS = (
    Method(
        "statistics:get",
        ("get_statistics",),
        "Shows the values of statistics.",
        (("statistics",),),
        _STATISTICS,
        get,
    ),
    Method(
        "statistics:list",
        ("list_statistics",),
        "Lists the names of statistics.",
        ((), ("statistics",)),
        _STATISTICS,
        list_,
    ),
    Method(
        "statistics:reset",
        ("reset_statistics",),
        "Always fails with error 501: statistics cannot be reset.",
        (("statistics",),),
        _STATISTICS,
        reset,
    ),
)
