"""A release of next year, in two steps: `python -m tests.helpers.newer_release` is its `dfks`.

It is this code, with another release, one more step of the schema, and the function that this step
makes in place of the one before. What it says of a release is bound when modules are imported, so
they are only by `main`.
"""

from typing import TYPE_CHECKING

import dfks_rules

if TYPE_CHECKING:
    from dfks_rules.store.postgres.schema import Migration

THIS = dfks_rules.__version__
NEWER = "9.1.0"
"""The release that expands."""
NEWEST = "9.2.0"
"""The release that takes away what only those before `NEWER` need."""
COLUMN = "stored_by"
"""What `NEWER` stores with each presentity: the function that was called."""


def expand() -> "tuple[Migration, ...]":
    """Steps of `NEWER`: those of this release, and one that adds a column and a function."""
    from dfks_rules.store.postgres.schema import Migration, migrations

    known = migrations()
    [commit] = [step.script for step in known if step.name == "0002_commit.sql"]
    for before, after in (
        ("dfks.commit_1(", "dfks.commit_2("),
        ("states = p.states || n.patch,", f"states = p.states || n.patch, {COLUMN} = 'commit_2',"),
        ("revision, states, changed_at)", f"revision, states, changed_at, {COLUMN})"),
        ("0, '{}', clock_timestamp()", "0, '{}', clock_timestamp(), 'commit_2'"),
    ):
        assert commit.count(before) == 1, before
        commit = commit.replace(before, after)
    column = f"ALTER TABLE dfks.presentity ADD COLUMN {COLUMN} text NOT NULL DEFAULT 'commit_1';"
    name = f"{len(known) + 1:04}_expand.sql"
    return (*known, Migration(name, THIS, f"{column}\n{commit}"))


def contract() -> "tuple[Migration, ...]":
    """Steps of `NEWEST`: those of `NEWER`, and one that drops what only older ones need."""
    from dfks_rules.store.postgres.schema import Migration

    known = expand()
    script = f"""
        DROP FUNCTION dfks.commit_1;
        ALTER TABLE dfks.presentity ALTER COLUMN {COLUMN} DROP DEFAULT"""
    return (*known, Migration(f"{len(known) + 1:04}_contract.sql", NEWER, script))


def main() -> None:
    """Run `dfks` of `NEWER`."""
    dfks_rules.__version__ = NEWER
    from dfks_rules.cli.main import main as dfks
    from dfks_rules.store.postgres import engine, schema

    steps = expand()
    schema.migrations = lambda: steps  # type: ignore[assignment]
    engine._COMMIT = engine._call("commit_2", 39)
    dfks()


if __name__ == "__main__":
    main()
