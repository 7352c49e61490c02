"""`dfks policy fmt`: one layout for all policy files."""

import difflib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from dfks_rules.cli.exit_codes import DONE, FAILED
from dfks_rules.errors import Finding, PolicyError
from dfks_rules.policy.reading.layout import laid_out
from dfks_rules.policy.reading.source import Source


@click.command(name="fmt")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit code 1 if a file would change.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
def command(paths: tuple[Path, ...], *, check: bool, diff: bool) -> None:
    """Format policy and case files, and all *.yaml and *.yml files below directories.

    Comments and values are kept; only the layout changes.
    """
    changed, findings = 0, []
    for path in dict.fromkeys(file for given in paths for file in _files_of(given)):
        try:
            old = _read(path)
            new = laid_out(Source(str(path), old))
        except PolicyError as error:
            findings += error.findings
            continue
        if new == old:
            continue
        changed += 1
        if diff:
            click.echo(_difference(path, old, new), nl=False)
        if not (check or diff):
            _replace(path, new)
        if not diff:
            click.echo(f"{path}: {'would be reformatted' if check else 'reformatted'}")
    if findings:
        raise PolicyError(findings)
    sys.exit(FAILED if changed and (check or diff) else DONE)


def _files_of(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (file for file in sorted(path.rglob("*.y*ml")) if file.is_file())
    else:
        yield path


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        message = f"cannot read the file: {why}"
        raise PolicyError([Finding(str(path), 0, 0, "policy_unreadable", message)]) from error


def _difference(path: Path, old: str, new: str) -> str:
    lines = difflib.unified_diff(
        old.splitlines(keepends=True), new.splitlines(keepends=True), str(path), str(path)
    )
    return "".join(line if line.endswith("\n") else f"{line}\n" for line in lines)


def _replace(path: Path, text: str) -> None:
    """Replace a file atomically, so that nobody ever reads half of it."""
    target = path.resolve()
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            os.fchmod(file.fileno(), target.stat().st_mode & 0o7777)
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
