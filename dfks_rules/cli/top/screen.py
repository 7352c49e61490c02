"""The figures on a screen of any size."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from dfks_rules.cli.top.figures import FLOODS
from dfks_rules.policy.words.wording import printable

WIDE = 100
"""Columns from which on panels stand beside one another."""
KEYS = "q quits   p pauses"
_LATE = 50.0
"""Milliseconds from which on phones wait too long."""
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def screen(told: Mapping[str, Any], width: int, height: int, *, is_paused: bool) -> RenderableType:
    """What is shown; it has at most so many lines.

    Args:
        told: see `figures`.
        width: columns of the terminal.
        height: its lines.
        is_paused: whether the figures stand still.
    """
    is_wide = width >= WIDE
    left, right = [_rates(told), _latencies(told)], [_state(told), _floods(told)]
    room = height - len(told["problems"])
    rows = max(2, (room - 25) if is_wide else (room - 47) // 2)
    lists = [_loudest(told, rows), _refusals(told, rows)]
    body: list[RenderableType] = [_title(told, is_paused=is_paused)]
    if is_wide:
        body += [_beside(left), _beside(right), _beside(lists)]
    else:
        body += [*left, *right, *lists]
    body += [Text(f"{what}: {printable(why)}", "red") for what, why in told["problems"].items()]
    return Group(*body)


def _title(told: Mapping[str, Any], *, is_paused: bool) -> RenderableType:
    server = told["server"]
    started = server["startedAt"]
    line = Text("dfks top  ", "bold")
    if started is not None:
        seconds = datetime.fromisoformat(told["at"]) - datetime.fromtimestamp(started, UTC)
        line.append(f"{server['version']}  up {str(seconds).partition('.')[0]}  ", "default")
        line.append(f"CPU {_number(server['cpuPercent'])} %  {_size(server['memoryBytes'])}  ")
    line.append("paused  " if is_paused else f"{told['at'][11:19]} UTC  ", "yellow")
    line.append(KEYS, "dim")
    return line


def _rates(told: Mapping[str, Any]) -> RenderableType:
    table = _table("", "/s")
    names = {
        "subscribes": "SUBSCRIBE",
        "gets": "gets",
        "sets": "sets",
        "refused": "refused",
        "notifies": "NOTIFY ended",
        "timeouts": "NOTIFY timeouts",
        "http": "HTTP",
    }
    for name, shown in names.items():
        value = told["rates"][name]
        bad = value and name in ("refused", "timeouts")
        table.add_row(shown, Text(_number(value), "yellow" if bad else "default"))
    return _panel("Rates", table)


def _latencies(told: Mapping[str, Any]) -> RenderableType:
    table = _table("ms, last minute", "p50", "p99")
    for name, both in told["latencies"].items():
        late = name in ("get", "loop") and (both["p99"] or 0.0) > _LATE
        style = "red" if late else "default"
        shown = {"loop": "loop late", "commit": "commit to disk"}.get(name, name)
        table.add_row(shown, *(Text(_number(both[part]), style) for part in ("p50", "p99")))
    by_transport = told["subscriptions"]
    detail = " ".join(f"{name} {count}" for name, count in by_transport.items() if count)
    table.add_row("subscriptions", f"{sum(by_transport.values())}", detail)
    return _panel("Latencies", table)


def _state(told: Mapping[str, Any]) -> RenderableType:
    store, policies = told["store"], told["policies"]
    table = _table("", "")
    table.add_row("store", _verdict(store["ready"]))
    table.add_row("commits/s, waiting", f"{_number(store['commits'])}, {_count(store['queue'])}")
    table.add_row("failures", _bad(store["failures"]))
    table.add_row("size, free", f"{_size(store['sizeBytes'])}, {_size(store['freeBytes'])}")
    table.add_row("policies", _verdict(policies["ready"]))
    table.add_row("revision", f"{policies['revision'] or '-'} ({policies['origin'] or '-'})")
    table.add_row("last reload", _verdict(policies["lastReload"]))
    alarms = (policies["engineFailures"] or 0) + (policies["disagreements"] or 0)
    table.add_row("engine alarms", _bad(alarms))
    return _panel("Store and policies", table)


def _floods(told: Mapping[str, Any]) -> RenderableType:
    table = _table("over a limit", "/s")
    floods = told["floods"]
    for name in FLOODS:
        table.add_row(name, Text(_number(floods[name]), "yellow" if floods[name] else "default"))
    for name, count in sorted(floods["limits"].items())[:4]:
        table.add_row(f"{name.replace('_', ' ')}, since the start", str(count))
    return _panel("Floods", table)


def _loudest(told: Mapping[str, Any], rows: int) -> RenderableType:
    table = _table("presentity, last minute", "changes", "refused")
    for one in told["loudest"][:rows]:
        table.add_row(Text(printable(one["presentity"])), str(one["changes"]), _bad(one["refused"]))
    return _panel("Loudest", table)


def _refusals(told: Mapping[str, Any], rows: int) -> RenderableType:
    table = _table("rule, last minute", "reason", "")
    for one in told["refusals"][:rows]:
        rule, reason = printable(one["rule"] or "-"), printable(one["reason"])
        table.add_row(Text(rule), Text(reason), str(one["count"]))
    return _panel("Refused", table)


def _table(*columns: str) -> Table:
    table = Table(box=None, expand=True, show_header=any(columns), padding=(0, 1))
    for number, name in enumerate(columns):
        table.add_column(
            name, justify="right" if number else "left", no_wrap=True, header_style="dim"
        )
    return table


def _panel(title: str, table: Table) -> Panel:
    return Panel(table, title=title, title_align="left", box=box.ROUNDED, padding=0)


def _beside(panels: list[RenderableType]) -> Table:
    grid = Table.grid(expand=True)
    for _ in panels:
        grid.add_column(ratio=1)
    grid.add_row(*panels)
    return grid


def _verdict(good: bool | None) -> Text:  # noqa: FBT001 - what is shown
    if good is None:
        return Text("-")
    return Text("✓ ok", "green") if good else Text("✕ failing", "bold red")


def _bad(count: int | None) -> Text:
    return Text(_count(count), "red" if count else "default")


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"


def _size(value: int | None) -> str:
    if value is None:
        return "-"
    size = float(value)
    for unit in _UNITS:
        if size < 1024 or unit == _UNITS[-1]:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return "-"
