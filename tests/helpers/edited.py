"""Files as an editor has them, with the cursor written as `|`."""

from pathlib import Path

from dfks_rules.policy.editing.names import Outlined, outlined
from dfks_rules.policy.reading.source import Source

HEAD = """\
apiVersion: dfks/v1
kind: Policy
metadata: {name: office}
schedules:
  hours: {weekly: [Mon-Fri 08:00-18:00]}
vars:
  vips: [alice]
rules:
  - id: first
    description: Calls stay in the house.
"""
"""A policy with a rule that is being typed."""


def at_cursor(text: str, file: str = "office.yaml") -> tuple[Outlined, int, int]:
    """The file without the cursor, and the cursor's line and column, 0-based."""
    before = text.partition("|")[0]
    column = len(before.rpartition("\n")[2])
    return outlined(Source(file, text.replace("|", "", 1))), before.count("\n"), column


def folder(path: str) -> list[Outlined]:
    """The files of a folder of the repository."""
    found = sorted((Path(__file__).parents[2] / path).iterdir())
    return [
        outlined(Source(one.name, one.read_text("utf-8")))
        for one in found
        if one.suffix in (".yaml", ".csv")
    ]
