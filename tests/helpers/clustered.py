"""Nodes that share a PostgreSQL, each as its operator runs it: a process of its own."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from tests.helpers.postgres import Database
from tests.helpers.server import Server, serve


def node_config(folder: Path, database: Database, name: str, **settings: Any) -> dict[str, Any]:
    """The settings of a node, with both doors of operators."""
    usual = {
        "store": database.url,
        "cluster": {"name": name},
        "reload": {"last_good": str(folder / f"last-good-{name}")},
        "http": {"listen": "127.0.0.1:0"},
    }
    return usual | settings


@contextmanager
def serve_node(
    folder: Path, database: Database, name: str, settings: Mapping[str, Any] | None = None
) -> Iterator[Server]:
    """Run a node until the block ends; its settings are in a folder of its name."""
    own = folder / name
    own.mkdir(exist_ok=True)
    with serve(own, node_config(own, database, name, **(settings or {}))) as server:
        yield server


@contextmanager
def serve_nodes(folder: Path, database: Database, *names: str) -> Iterator[list[Server]]:
    """Run some nodes until the block ends."""
    with ExitStack() as opened:
        yield [opened.enter_context(serve_node(folder, database, name)) for name in names]
