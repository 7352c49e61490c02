"""A backup of a database that nodes share, put back as docs/howto/back-up.md says."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.fleet import Fleet, Roamer, fleet
from tests.helpers.postgres import Cluster, cluster, needs_postgres
from tests.helpers.published import ROOT

pytestmark = [
    pytest.mark.long,
    pytest.mark.e2e,
    needs_postgres,
    pytest.mark.timeout(180),
    pytest.mark.skipif(shutil.which("pg_dump") is None, reason="needs pg_dump"),
]

DND = "DoNotDisturb"


@pytest.fixture
def engine() -> Iterator[Cluster]:
    """A PostgreSQL."""
    with cluster() as server:
        yield server


@pytest.fixture
def nodes(engine: Cluster, tmp_path: Path) -> Iterator[Fleet]:
    """One node on it."""
    with fleet(tmp_path / "nodes", engine.url(engine.create()), 1) as one:
        yield one


def test_phones_go_on_after_a_restore(engine: Cluster, nodes: Fleet, tmp_path: Path) -> None:
    """They are told what the backup says, though the dialog has moved twice since: in the lives
    that are lost, its CSeqs were higher than those that would come next.
    """
    node, restored = nodes.nodes[0], engine.url(engine.create())
    back_up, restore = _commands(nodes.url, restored)
    with Roamer(node) as phone:
        phone.subscribe()
        node.set(phone.aor, DND, on=True)
        phone.hears(DND, "on")
        _run(back_up, tmp_path)
        for state in ("off", "on", "off"):
            node.kill()
            node.start()
            node.set(phone.aor, DND, on=state == "on")
            before = phone.hears(DND, state)
        node.kill()
        _run(restore, tmp_path)
        node.goes_by(restored)
        node.start()
        assert phone.hears(DND, "on").cseq > before.cseq
        node.set(phone.aor, DND, on=False)
        phone.hears(DND, "off")


def _commands(url: str, restored: str) -> list[str]:
    """The shell scripts of the page, with these databases."""
    page = (ROOT / "docs/howto/back-up.md").read_text(encoding="utf-8")
    _, _, part = page.partition("## With several nodes\n")
    part, _, _ = part.partition("\n## ")
    blocks = re.findall(r"```sh\n(.*?)```", part, re.DOTALL)
    there = "postgresql://dfks@db.example.com/dfks"
    return [one.replace(f"{there}_restored", restored).replace(there, url) for one in blocks]


def _run(script: str, folder: Path) -> None:
    dfks = f'dfks() {{ "{sys.executable}" -m dfks_rules "$@"; }}\n'
    command = ["bash", "-euc", dfks + script]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=180)
    assert done.returncode == 0, done.stderr
