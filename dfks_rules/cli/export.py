"""`dfks export`: what is stored, as a file that `dfks import` takes."""

import asyncio
import os
import sys
from pathlib import Path
from typing import BinaryIO

import click

from dfks_rules.cli.api import api_options
from dfks_rules.operations.rows import Format
from dfks_rules.web.client import ApiClient


@click.command(name="export")
@click.option("--domain", help="Only of this domain.")
@click.option(
    "--format",
    "of",
    type=click.Choice([of.value for of in Format]),
    default=Format.CSV.value,
    show_default=True,
    help="How rows are written.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write to this file, which appears once it is whole; default: standard output.",
)
@api_options
def command(api: ApiClient, domain: str | None, of: str, output: Path | None) -> None:
    """Write the features that are on or have values, as `dfks import` takes them."""
    query = {"format": of} | ({} if domain is None else {"domain": domain})
    if output is None:
        try:
            asyncio.run(_copy(api, query, sys.stdout.buffer))
        except BrokenPipeError:
            raise  # Whoever reads has had enough: click ends quietly.
        except OSError as error:
            raise click.ClickException(f"cannot write: {error.strerror}") from error
        return
    part = output.with_name(output.name + ".part")
    try:
        # Numbers of people are in it.
        with open(part, "wb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
            asyncio.run(_copy(api, query, file))
        part.replace(output)
    except OSError as error:
        raise click.FileError(str(output), error.strerror) from error
    finally:
        part.unlink(missing_ok=True)


async def _copy(api: ApiClient, query: dict[str, str], file: BinaryIO) -> None:
    async with api:
        async for piece in api.stream("/v1/export", query=query):
            file.write(piece)
    file.flush()
