"""`dfks import`: set features from a file, each row if the policies allow it."""

import asyncio
import csv
import hashlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import click

from dfks_rules.cli.api import api_options
from dfks_rules.cli.exit_codes import FAILED, REFUSED_BY_POLICY
from dfks_rules.cli.progress import Progress, progress
from dfks_rules.operations.imports import UNUSABLE
from dfks_rules.operations.rows import CONTENT_TYPES, Format
from dfks_rules.policy.words.wording import printable
from dfks_rules.web.client import ApiClient, ApiError

LOOK = 0.3
"""Seconds between two looks at the progress."""
PATIENCE = 120.0
"""Seconds for which a server may be away: it starts again."""
SHOWN = 20
"""Refusals that are shown where no `--report` is written."""
_SUFFIXES = {
    ".csv": Format.CSV,
    ".ndjson": Format.NDJSON,
    ".jsonl": Format.NDJSON,
    ".json": Format.NDJSON,
}
_ENDS = ("done", "cancelled", "failed")
_REPORT = ("row", "presentity", "feature", "reason", "rule", "text", "decision")


class _Asked(NamedTuple):
    """The options."""

    file: Path | None
    format: Format
    resume: str | None
    report: Path | None
    is_dry: bool


@click.command(name="import")
@click.argument("file", required=False, type=click.Path(path_type=Path, allow_dash=True))
@click.option("--dry-run", "is_dry", is_flag=True, help="Only say what would come of it.")
@click.option("--resume", metavar="ID", help="Follow an import that has begun.")
@click.option("--cancel", metavar="ID", help="End an import; what is done stays.")
@click.option(
    "--format",
    "named",
    type=click.Choice([of.value for of in Format]),
    help="How FILE is written; default: by its suffix, .csv or .ndjson.",
)
@click.option(
    "--report",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write all refusals to this CSV file.",
)
@api_options
def command(  # noqa: PLR0913 - the options
    api: ApiClient,
    file: Path | None,
    resume: str | None,
    cancel: str | None,
    named: str | None,
    report: Path | None,
    *,
    is_dry: bool,
) -> None:
    """Set features from FILE (- is standard input), each row if the policies allow it.

    The server goes on when this command is ended, and also after a restart: `--resume ID` shows
    the progress again. Exit code 4 if a row was refused or cannot be used, 1 if the import was
    cancelled or failed.
    """
    if cancel is not None:
        click.echo(_summary(asyncio.run(_ask(api, "DELETE", cancel))))
        return
    if file is None and resume is None:
        raise click.UsageError("FILE is missing")
    job: dict[str, Any] = {}
    asked = _Asked(file, _format(file, named), resume, report, is_dry)
    try:
        asyncio.run(_run(api, asked, job))
    except KeyboardInterrupt:
        if job:
            id_ = job["id"]
            click.echo(
                f"\nthe import goes on: `dfks import --resume {id_}` shows it, "
                f"`dfks import --cancel {id_}` ends it",
                err=True,
            )
        raise SystemExit(130) from None
    if job["status"] != "done":
        raise SystemExit(FAILED)
    if job["refused"] or job["unusable"]:
        raise SystemExit(REFUSED_BY_POLICY)


def _format(file: Path | None, named: str | None) -> Format:
    if named is not None:
        return Format(named)
    if file is None:
        return Format.CSV
    found = _SUFFIXES.get(file.suffix.lower())
    if found is None:
        message = f"{file}: the name does not say whether it is CSV or NDJSON; give --format"
        raise click.UsageError(message)
    return found


async def _run(api: ApiClient, asked: _Asked, job: dict[str, Any]) -> None:
    """Begin or resume an import, and follow it to its end; `job` is what is known of it."""
    async with api:
        if asked.resume is not None:
            job.update(await api.ask("GET", f"/v1/imports/{asked.resume}"))
            if asked.file is not None:
                _compare(asked.file, job)
        else:
            assert asked.file is not None  # noqa: S101 - the caller looked
            job.update(await _begin(api, asked.file, asked.format, is_dry=asked.is_dry))
        with progress("import", job["size"]) as shown:
            await _follow(api, job, shown)
        click.echo(_summary(job))
        await _tell_refusals(api, job, asked.report)


async def _begin(api: ApiClient, file: Path, of: Format, *, is_dry: bool) -> Any:
    query = {"dryRun": "true"} if is_dry else None
    try:
        opened: BinaryIO = sys.stdin.buffer if str(file) == "-" else file.open("rb")
    except OSError as error:
        raise click.FileError(str(file), error.strerror) from error
    with opened:
        return await api.send("POST", "/v1/imports", _pieces(opened), CONTENT_TYPES[of], query)


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(file.read, 256 * 1024):
        yield piece


def _compare(file: Path, job: dict[str, Any]) -> None:
    try:
        with file.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise click.FileError(str(file), error.strerror) from error
    if found != job["sha256"]:
        message = f"{file}: import {job['id']} is of another file"
        raise click.ClickException(message)


async def _follow(api: ApiClient, job: dict[str, Any], shown: Progress) -> None:
    loop = asyncio.get_running_loop()
    heard = loop.time()
    while True:
        shown.update(job["position"], _counts(job))
        if job["status"] in _ENDS:
            return
        await asyncio.sleep(LOOK)
        try:
            job.update(await api.ask("GET", f"/v1/imports/{job['id']}"))
            heard = loop.time()
        except ApiError as error:
            # It starts again, or is busy; the import goes on afterwards.
            if error.status not in (0, 429, 502, 503) or loop.time() - heard > PATIENCE:
                raise
            shown.note(error.message)


async def _tell_refusals(api: ApiClient, job: dict[str, Any], report: Path | None) -> None:
    if not job["refused"] and not job["unusable"]:
        return
    pages = api.pages(f"/v1/imports/{job['id']}/refusals", {"limit": 500})
    if report is not None:
        with report.open("w", newline="", encoding="utf-8") as file:
            rows = csv.DictWriter(file, _REPORT)
            rows.writeheader()
            async for refusal in pages:
                rows.writerow({name: refusal[name] or "" for name in _REPORT})
        click.echo(f"refusals are in {report}")
        return
    count = 0
    async for refusal in pages:
        if count == SHOWN:
            click.echo("… `--resume ID --report FILE` writes all of them")
            return
        count += 1
        click.echo(_line(refusal))


def _line(refusal: dict[str, Any]) -> str:
    why = " ".join(part for part in (refusal["text"], _by(refusal)) if part)
    about = " ".join(part for part in (refusal["presentity"], refusal["feature"]) if part)
    return printable(f"row {refusal['row']}: {about + ': ' if about else ''}{why}")


def _by(refusal: dict[str, Any]) -> str:
    if refusal["reason"] == UNUSABLE:
        return ""
    rule = f", by {refusal['rule']}" if refusal["rule"] else ""
    return f"({refusal['reason']}{rule})"


async def _ask(api: ApiClient, method: str, id_: str) -> Any:
    async with api:
        return await api.ask(method, f"/v1/imports/{id_}")


def _counts(job: dict[str, Any]) -> str:
    return f"{_rows(job)}, {job['refused'] + job['unusable']} refused or unusable"


def _rows(job: dict[str, Any]) -> str:
    return "1 row" if job["rows"] == 1 else f"{job['rows']} rows"


def _summary(job: dict[str, Any]) -> str:
    verb = "would change" if job["dryRun"] else "changed"
    told = (
        f"import {job['id']} {job['status']}: {_rows(job)}, {job['changed']} {verb}, "
        f"{job['unchanged']} unchanged, {job['refused']} refused, {job['unusable']} unusable"
    )
    return printable(f"{told}; {job['why']}" if job["why"] else told)
