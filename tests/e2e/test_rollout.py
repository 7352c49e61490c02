"""Policies over two nodes for real: `dfks policy rollout`, as an operator uses it."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.postgres import Cluster, Database, fresh_database, needs_postgres
from tests.helpers.server import ROOT, Server, serve, write_policy

pytestmark = [needs_postgres, pytest.mark.long]

WITHIN = 60.0
"""Seconds for what takes one or two when nothing else runs."""
_DFKS = str(Path(sys.executable).with_name("dfks"))
_HTTP = re.compile(r"^  api (http\S+)$", re.MULTILINE)
_OUT_OF_ORDER = """
import os, sys
if os.path.exists({marker!r}) and any("canary" in one for one in sys.orig_argv):
    sys.exit("out of order")
"""

_PROOF = """
apiVersion: dfks/v1
kind: PolicyProof
policies: [.]
proofs:
  - {name: nothing is denied, when: {op: set}, expect: {decision: allow}}
"""


class Site:
    """Two nodes on one database, each with a folder of its own."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self.database = database
        self.nodes: dict[str, Server] = {}
        self.marker = folder / "node-2-cannot-check"

    @contextmanager
    def node(self, name: str) -> Iterator[Server]:
        """Run a node until the block ends."""
        folder = self.folder / name
        policies = folder / "policies"
        if not folder.exists():
            policies.mkdir(parents=True)
            write_policy(policies, _rule("of-files"))
        code = folder / "code"
        code.mkdir(exist_ok=True)
        if name == "node-2":
            text = _OUT_OF_ORDER.format(marker=str(self.marker))
            (code / "sitecustomize.py").write_text(text)
        path = os.pathsep.join(filter(None, [str(code), os.environ.get("PYTHONPATH", "")]))
        settings = {
            "policies": [str(policies)],
            "store": self.database.url,
            "cluster": {"name": name},
            "reload": {"last_good": str(folder / "last_good.json")},
            "http": {"listen": "127.0.0.1:0"},
        }
        with serve(folder, settings, environment={"PYTHONPATH": path}) as server:
            self.nodes[name] = server
            yield server

    def url(self, name: str = "node-1") -> str:
        """Of a node's API."""
        found = _HTTP.search(self.nodes[name].banner)
        assert found is not None, self.nodes[name].banner
        return found[1]

    def rollout(self, *arguments: str, node: str = "node-1") -> "subprocess.CompletedProcess[str]":
        """Run the command."""
        command = [_DFKS, "policy", "rollout", *arguments, "--url", self.url(node)]
        return subprocess.run(command, capture_output=True, text=True, timeout=180, cwd=ROOT)

    def bundle(self, word: str) -> str:
        """A folder with a policy that refuses every set for this reason."""
        folder = self.folder / f"bundle-{word}"
        folder.mkdir()
        write_policy(folder, _rule(word))
        return str(folder)

    def get(self, path: str, node: str = "node-1") -> Any:
        """What the API answers."""
        with urllib.request.urlopen(self.url(node) + path, timeout=30) as response:  # noqa: S310
            text = response.read()
        return json.loads(text) if text.startswith((b"{", b"[")) else text.decode()

    def reasons(self) -> list[str]:
        """Why each node refuses a set."""
        return [self.reason(name) for name in ("node-1", "node-2")]

    def reason(self, name: str) -> str:
        """Why a node refuses a set."""
        reply = self.nodes[name].mi(
            "dfks:set_feature", presentity="sip:a@example.com", feature="DoNotDisturb", status=1
        )
        return str(reply["error"]["data"]["reason"])


def _rule(word: str) -> str:
    return f"- {{id: r, when: {{op: set}}, then: {{deny: {{reason: {word}}}}}}}"


@pytest.fixture
def site(postgres_server: Cluster, tmp_path: Path) -> Iterator[Site]:
    """Two nodes that serve."""
    with fresh_database(postgres_server) as database, ExitStack() as running:
        made = Site(tmp_path, database)
        _migrate(database, tmp_path)
        for name in ("node-1", "node-2"):
            running.enter_context(made.node(name))
        yield made


def _migrate(database: Database, folder: Path) -> None:
    file = folder / "migrate.yaml"
    file.write_text(json.dumps({"store": database.url}))
    subprocess.run([_DFKS, "store", "migrate", "--config", str(file)], check=True, cwd=ROOT)


def _soon(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + WITHIN
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.2)


def test_a_rollout_reaches_all_nodes_and_outlives_them(site: Site) -> None:
    """Whatever is in their files; `--rollback` and `--files` undo it."""
    assert site.reasons() == ["of-files"] * 2
    said = site.rollout(site.bundle("first"))
    assert said.returncode == 0, said.stderr
    revision = said.stdout.partition("revision ")[2].partition("\n")[0]
    head, *verdicts = said.stdout.splitlines()[:3]
    assert head == f"uploaded 1 file: revision {revision}"
    assert sorted(verdicts) == ["node-1: ready", "node-2: ready"]
    assert said.stdout.splitlines()[3] == "goal moved"
    assert sorted(said.stdout.splitlines()[4:]) == [
        f"node-1: follows {revision}",
        f"node-2: follows {revision}",
    ]
    assert site.reasons() == ["first"] * 2
    # Files change nothing now, and whoever reloads them is told.
    write_policy(site.folder / "node-1/policies", _rule("changed"))
    reply = site.nodes["node-1"].mi("policy:reload")
    assert reply["error"]["message"] == "A rollout decides"
    # A node that begins again begins with the goal, also with files that are broken.
    assert site.nodes["node-2"].stop() == 0
    (site.folder / "node-2/policies/policy.yaml").write_text("broken")
    with site.node("node-2") as again:
        assert "BROKEN" not in again.banner
        assert site.reasons() == ["first"] * 2
        assert site.rollout(site.bundle("second"), node="node-2").returncode == 0
        assert site.reasons() == ["second"] * 2
        back = site.rollout("--rollback")
        assert (back.returncode, back.stdout.splitlines()[0]) == (0, "rolled back")
        assert site.reasons() == ["first"] * 2
        write_policy(site.folder / "node-2/policies", _rule("mended"))
        dropped = site.rollout("--files")
        assert (dropped.returncode, dropped.stdout.splitlines()[0]) == (0, "goal dropped")
        _soon(lambda: site.reasons() == ["changed", "mended"])


def test_a_canary_goes_first_and_a_node_that_refuses_keeps_all_from_it(site: Site) -> None:
    """Skew is shown, and told after ten seconds."""
    said = site.rollout(site.bundle("tried"), "--canary", "node-2")
    assert said.returncode == 0, said.stderr
    assert "node-1" not in said.stdout
    assert site.reasons() == ["of-files", "tried"]
    _soon(lambda: bool(site.get("/v1/policies/rollouts")["skewed"]))
    assert "nodes have different policies" in site.rollout().stdout
    _soon(lambda: "policy_skewed" in (site.folder / "node-1/server.log").read_text())
    skew = re.search(r"^dfks_policy_skew_seconds (\S+)$", site.get("/metrics"), re.MULTILINE)
    assert skew is not None
    assert float(skew[1]) > 10
    # What is to go back is not clear.
    unclear = site.rollout("--rollback")
    assert (unclear.returncode, "`node-2`" in unclear.stderr) == (1, True)
    # One of two cannot check it: nobody takes it.
    site.marker.touch()
    refused = site.rollout(site.bundle("for-all"))
    assert (refused.returncode, refused.stdout.splitlines()[-1]) == (3, "node-2: refused")
    assert "policy_check_failed" in refused.stderr
    assert site.reasons() == ["of-files", "tried"]
    site.marker.unlink()
    # Both find what is wrong with it.
    broken = site.folder / "bundle-broken"
    broken.mkdir()
    write_policy(broken, "- {id: r, when: {opp: set}, then: {deny: {reason: x}}}")
    refused = site.rollout(str(broken))
    assert refused.returncode == 3
    assert "policy.yaml:5:" in refused.stderr
    assert "policy_unknown_fact" in refused.stderr
    # Proofs go with it.
    refuted = Path(site.bundle("refuted"))
    (refuted / "proofs.yaml").write_text(_PROOF)
    refused = site.rollout(str(refuted))
    assert refused.returncode == 3
    assert "proof `nothing is denied` refuted: {op: set, " in refused.stderr
    assert site.reasons() == ["of-files", "tried"]
    assert site.rollout("--canary", "node-2", "--rollback").returncode == 0
    assert site.reasons() == ["of-files"] * 2
    _soon(lambda: "policy_skew_over" in (site.folder / "node-1/server.log").read_text())
    nobody = site.rollout(site.bundle("nobody"), "--canary", "node-9")
    assert nobody.returncode == 1
    assert "no node `node-9`" in nobody.stderr
