"""How far something is: a bar in a terminal, else a line now and then; on standard error."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

import click

from dfks_rules.policy.words.wording import printable

EVERY = 5.0
"""Seconds between two lines where there is no terminal."""


class Progress(Protocol):
    """Shows how far something is."""

    def update(self, done: int, text: str) -> None:
        """So much of the whole is done."""
        ...

    def note(self, text: str) -> None:
        """Something that keeps it waiting."""
        ...


@contextmanager
def progress(title: str, whole: int) -> Iterator[Progress]:
    """Show progress until the block ends.

    Args:
        title: what makes progress.
        whole: how much there is to do.
    """
    if not sys.stderr.isatty():
        yield _Lines(title, whole)
        return
    # Imported by who looks at it: other commands need not wait.
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    with Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[text]}", markup=False),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as bar:
        task = bar.add_task(title, total=max(whole, 1), text="")

        class Shown:
            """Draws the bar."""

            def update(self, done: int, text: str) -> None:
                bar.update(task, completed=done, text=text)

            def note(self, text: str) -> None:
                bar.update(task, text=printable(text))

        yield Shown()


class _Lines:
    """Writes lines: the first, the last, and one now and then."""

    def __init__(self, title: str, whole: int) -> None:
        self._title = title
        self._whole = max(whole, 1)
        self._next = 0.0
        self._noted = ""

    def update(self, done: int, text: str) -> None:
        self._noted = ""
        now = time.monotonic()
        if now >= self._next or done >= self._whole:
            self._next = now + EVERY
            click.echo(f"{self._title}: {done * 100 // self._whole} %, {text}", err=True)

    def note(self, text: str) -> None:
        if text != self._noted:
            self._noted = text
            click.echo(f"{self._title}: {printable(text)}", err=True)
