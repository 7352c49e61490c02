"""`core`: information about the server and its methods."""

import os
import time
from typing import Any

from dfks_rules import __version__
from dfks_rules.mi.errors import NOT_FOUND, CallError
from dfks_rules.mi.registry import Desk, Given, Method, Parameter
from dfks_rules.mi.values import take_integer, take_text

LEVELS = ("debug", "info", "warning", "error")
_OPENSIPS_LEVELS = {4: "debug", 3: "info", 2: "info", 1: "warning", -1: "error"}
"""OpenSIPS log levels (L_DBG, L_INFO, L_NOTICE, L_WARN, L_ERR) → ours."""


async def which(desk: Desk, given: Given) -> Any:
    """All method names, or the parameter sets of one method."""
    if "command" not in given:
        return desk.registry.names
    return [list(recipe) for recipe in _find(desk, given).recipes]


async def help_(desk: Desk, given: Given) -> Any:
    """A list of all methods, or a description of one."""
    if "command" not in given:
        return {method.name: method.summary for method in desk.registry.methods}
    method = _find(desk, given)
    return {
        "Name": method.name,
        "Aliases": list(method.aliases),
        "Help": method.summary,
        "Parameters": {name: part.description for name, part in method.parameters.items()},
    }


async def uptime(desk: Desk, given: Given) -> Any:
    """The uptime, worded as OpenSIPS does."""
    seconds, now = desk.operations.uptime(), time.time()
    return {
        "Now": _date(now),
        "Up since": _date(now - seconds),
        "Up time": f"{int(seconds)} [sec]",
    }


async def version(desk: Desk, given: Given) -> Any:
    """Name and version of the server."""
    return {"Server": f"dfks-rules ({__version__})"}


async def ps(desk: Desk, given: Given) -> Any:
    """The server's only process."""
    return {"Processes": [{"ID": 0, "PID": os.getpid(), "Type": "dfks-rules"}]}


async def log_level(desk: Desk, given: Given) -> Any:
    """Show or change the lowest level that is logged."""
    if "level" in given:
        desk.operations.set_log_level(given["level"])
    return {"Log level": desk.operations.log_level()}


def _find(desk: Desk, given: Given) -> Method:
    method = desk.registry.find(given["command"])
    if method is None:
        raise CallError(NOT_FOUND, "unknown MI command")
    return method


def _date(at: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def _take_level(value: Any) -> str:
    if value in LEVELS:
        return str(value)
    try:
        return _OPENSIPS_LEVELS[take_integer(value)]
    except (KeyError, ValueError):
        message = f"`{str(value)[:40]}` is not {', '.join(LEVELS)}, or an OpenSIPS number"
        raise ValueError(message) from None


_COMMAND = {"command": Parameter(take_text, "name or alias of a method")}

METHODS = (
    Method(
        "core:which",
        ("which",),
        "Lists the names of all methods, or the combinations of parameters that one method takes.",
        ((), ("command",)),
        _COMMAND,
        which,
    ),
    Method(
        "core:help",
        ("help",),
        "Describes all methods, or one with its parameters.",
        ((), ("command",)),
        _COMMAND,
        help_,
    ),
    Method(
        "core:uptime", ("uptime",), "Shows how long the server has been running.", ((),), {}, uptime
    ),
    Method("core:version", ("version",), "Shows the server's version.", ((),), {}, version),
    Method("core:ps", ("ps",), "Lists the server's processes.", ((),), {}, ps),
    Method(
        "core:log_level",
        ("log_level",),
        "Shows the minimum log level, or changes it until the next start.",
        ((), ("level",)),
        {
            "level": Parameter(
                _take_level, "`debug`, `info`, `warning`, `error`, or an OpenSIPS number (4 … -1)"
            )
        },
        log_level,
    ),
)
