"""A running server tells why it decided."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.server import Server, serve, write_policy
from tests.helpers.ua import Ua, dnd

pytestmark = pytest.mark.e2e

RULES = """
- id: no-dnd
  when: {op: set, feature: DoNotDisturb}
  then: {deny: no-dnd}
"""


def explain(server: Server, *arguments: str) -> str:
    """The output of `dfks policy explain`."""
    command = [str(Path(sys.executable).with_name("dfks")), "policy", "explain"]
    done = subprocess.run(
        [*command, "--url", server.mi_url, *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_a_refusal_is_explained_and_logged(tmp_path: Path) -> None:
    """From the phone's key to the rule, by presentity, by id, and in the file."""
    log = tmp_path / "decisions.jsonl"
    config = {**write_policy(tmp_path, RULES), "decisions": {"file": str(log)}} | {
        "reload": {"watch": False, "last_good": str(tmp_path / "last_good.json")}
    }
    alice = "sip:+493012345@example.com"
    with serve(tmp_path, config) as server, Ua(server.ports["udp"], alice) as phone:
        phone.subscribe()
        phone.subscribe(dnd(True))
        told = explain(server, "--last", alice)
        assert '  p/no-dnd\n    deny: decided, "no-dnd"\n' in told
        found = re.search(r"\S+ (\w+-\d+)\nset DoNotDisturb of ", told)
        assert found is not None
        assert "denied, no-dnd" in explain(server, "--decision", found[1])
        (tmp_path / "policy.yaml").write_text(
            (tmp_path / "policy.yaml").read_text().replace("no-dnd", "other")
        )
        assert server.mi("policy:reload")["result"]["changed"]
        # By the policies of then.
        assert explain(server, "--last", alice) == told
        newest = server.mi("policy:decisions", presentity=alice)["result"]["decisions"][0]
        assert newest["given"]["presentity"] == alice
        assert server.stop() == 0
    records = [json.loads(line) for line in log.read_text().splitlines()]
    (record,) = [one for one in records if one["id"] == found[1]]
    assert record["decision"]["reason"] == "no-dnd"
    assert record["given"]["presentity"].startswith("sip:+4930*****~")
