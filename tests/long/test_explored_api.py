"""Schemathesis goes through the whole HTTP API of a real server.

`DFKS_TEST_API_SECONDS` (60) is for nights.
"""

import os
from pathlib import Path

import pytest

from tests.helpers.clustered import serve_node
from tests.helpers.described import alone, config, explore
from tests.helpers.postgres import Database, needs_postgres
from tests.helpers.server import serve

pytestmark = [pytest.mark.e2e, pytest.mark.long]
SECONDS = int(os.environ.get("DFKS_TEST_API_SECONDS", "60"))


@pytest.mark.timeout(6 * SECONDS + 120)
def test_whatever_it_is_asked_it_answers_as_the_document_says(tmp_path: Path) -> None:
    """No 5xx, no status or content type that is not documented, no body that does not fit."""
    settings, token = config(tmp_path)
    with serve(tmp_path, settings) as server:
        assert explore(server, token, tmp_path, SECONDS, *alone()) == ""
        assert server.stop() == 0
    assert '"web_request_failed"' not in (tmp_path / "server.log").read_text("utf-8")


@needs_postgres
@pytest.mark.timeout(6 * SECONDS + 120)
def test_a_node_answers_as_the_document_says_too(tmp_path: Path, database: Database) -> None:
    """Also what only nodes have that share a store."""
    settings, token = config(tmp_path)
    with serve_node(tmp_path, database, "node-1", {"http": settings["http"]}) as node:
        # It is not ready once it drains.
        others = ("--exclude-path-regex", "^/readyz$")
        assert explore(node, token, tmp_path, SECONDS, *others) == ""
        assert node.stop() == 0
    assert '"web_request_failed"' not in (tmp_path / "node-1/server.log").read_text("utf-8")
