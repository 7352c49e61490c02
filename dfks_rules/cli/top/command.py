"""The command: a screen in a terminal, else a JSON line each second."""

import asyncio
import json
import signal
import sys
from contextlib import suppress

import click

from dfks_rules.cli.api import api_options
from dfks_rules.cli.top.watching import Watching
from dfks_rules.web.client import ApiClient

ROWS = 50
"""Rows of lists that a screen may show."""


@click.command(name="top")
@click.option(
    "--interval",
    type=click.FloatRange(0.2, 3600),
    default=1.0,
    show_default=True,
    help="Seconds between two looks.",
)
@click.option("--count", type=click.IntRange(1), help="End after so many looks.")
@click.option("--json", "as_json", is_flag=True, help="Print lines also in a terminal.")
@api_options
def command(api: ApiClient, interval: float, count: int | None, *, as_json: bool) -> None:
    """Show what a running server does: rates, latencies, the loudest users, refusals, floods, the
    store and the policies.

    In a terminal: `q` quits, `p` pauses. Elsewhere, a JSON object is printed for each look. A token
    needs the scopes `metrics:read` and `events:read`.
    """
    has_screen = sys.stdout.isatty() and sys.stdin.isatty() and not as_json
    run = _draw if has_screen else _print
    with suppress(KeyboardInterrupt, BrokenPipeError):
        asyncio.run(run(api, interval, count))


async def _print(api: ApiClient, interval: float, count: int | None) -> None:
    async with api:
        watching = Watching(api)
        listening = asyncio.create_task(watching.listen())
        try:
            # It takes two looks to know a rate.
            await watching.look()
            printed = 0
            while count is None or printed < count:
                await asyncio.sleep(interval)
                await watching.look()
                print(json.dumps(watching.told()), flush=True)
                printed += 1
        finally:
            await _end(listening)


async def _draw(api: ApiClient, interval: float, count: int | None) -> None:
    # Imported by who looks at a screen: others need not wait.
    from rich.console import Console
    from rich.live import Live

    from dfks_rules.cli.top.keys import keys
    from dfks_rules.cli.top.screen import screen

    console, loop = Console(), asyncio.get_running_loop()
    wake, is_paused, is_over = asyncio.Event(), False, False

    def pressed(key: str) -> None:
        nonlocal is_paused, is_over
        is_paused ^= key in ("p", "P", " ")
        is_over |= key in ("q", "Q", "\x1b", "\x03")
        wake.set()

    async with api:
        watching = Watching(api)
        listening = asyncio.create_task(watching.listen())
        try:
            await watching.look()
            told, looks, due = watching.told(ROWS), 1, loop.time() + interval
            loop.add_signal_handler(signal.SIGWINCH, wake.set)
            with (
                keys(pressed),
                Live(console=console, screen=True, auto_refresh=False) as live,
            ):
                while not is_over and (count is None or looks <= count):
                    shown = screen(told, *console.size, is_paused=is_paused)
                    live.update(shown, refresh=True)
                    with suppress(TimeoutError):
                        await asyncio.wait_for(wake.wait(), max(0.01, due - loop.time()))
                    wake.clear()
                    if loop.time() >= due:
                        await watching.look()
                        due = loop.time() + interval
                        looks += 1
                        if not is_paused:
                            told = watching.told(ROWS)
        finally:
            loop.remove_signal_handler(signal.SIGWINCH)
            await _end(listening)


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
