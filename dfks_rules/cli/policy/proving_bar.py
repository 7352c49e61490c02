"""How far a proof is, for those who wait for it in a terminal."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer

import click

AFTER = 1.0
"""Seconds after which it is shown: most proofs are through by then."""
INTERRUPTED = 130
"""Exit code after Ctrl-C, as of shells: 1 would say that something was found."""

Show = Callable[[int, int, str], None]
"""Shows that so many of so many are done, and what these are."""


@contextmanager
def proving_bar() -> Iterator[Show]:
    """A bar on standard error, from a moment on until the block ends; Ctrl-C ends the command.

    A thread of its own draws it, so that its clock goes on while one question is answered.
    """
    try:
        if sys.stderr.isatty():
            with _drawn() as show:
                yield show
        else:
            yield _nothing
    except KeyboardInterrupt:
        click.echo("interrupted: nothing is proved", err=True)
        raise SystemExit(INTERRUPTED) from None


@contextmanager
def _drawn() -> Iterator[Show]:
    # Imported by who looks at it: other commands need not wait.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    bar = Progress(
        TextColumn("proving"),
        BarColumn(),
        TextColumn("{task.fields[text]}", markup=False),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    task = bar.add_task("", total=None, text="reading policies")
    timer = Timer(AFTER, bar.start)
    timer.daemon = True
    timer.start()

    def show(done: int, of: int, text: str) -> None:
        bar.update(task, completed=done, total=of, text=f"{done:,} of {of:,} {text}")

    try:
        yield show
    finally:
        timer.cancel()
        timer.join()
        bar.stop()


def _nothing(_done: int, _of: int, _text: str) -> None:
    """Nobody looks."""
