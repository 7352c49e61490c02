"""Decisions and policies of a running server over `/v1`, and the worker that explains them."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.helpers.server import Server, serve, write_policy
from tests.helpers.ua import Ua, dnd

pytestmark = pytest.mark.e2e

ALICE = "sip:alice@example.com"
RULES = """
- id: no-dnd
  when: {op: set, feature: DoNotDisturb}
  then: {deny: no-dnd}
- id: secret
  when: {op: set, domain: other.example}
  then: {deny: secret}
"""


class Desk:
    """A server with an API."""

    def __init__(self, server: Server) -> None:
        self.server = server
        found = re.search(r"^  api (http://\S+)$", server.banner, re.MULTILINE)
        assert found is not None
        self.url = found[1]

    def ask(self, method: str, path: str, body: Any = None, token: str | None = None) -> Any:
        """The status, and the JSON of the response."""
        data = None if body is None else json.dumps(body).encode()
        head = {} if body is None else {"Content-Type": "application/json"}
        if token is not None:
            head["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(self.url + path, data, head, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=70) as response:  # noqa: S310
                return response.status, json.loads(response.read() or b"null")
        except HTTPError as error:
            with error:
                return error.code, json.load(error)

    def worker(self) -> int | None:
        """The process that answers questions; None while there is none."""
        children = Path(f"/proc/{self.server.pid}/task/{self.server.pid}/children").read_text()
        for child in children.split():
            if b"worker.process" in Path(f"/proc/{child}/cmdline").read_bytes():
                return int(child)
        return None


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """It refuses do not disturb."""
    config = {
        **write_policy(tmp_path, RULES),
        "http": {"listen": "127.0.0.1:0"},
        "reload": {"watch": False, "last_good": str(tmp_path / "last_good.json")},
    }
    with serve(tmp_path, config) as server:
        yield Desk(server)


def wait_until(holds: Callable[[], bool]) -> None:
    """Poll, for some seconds at most."""
    deadline = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _is_gone(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def test_a_refusal_is_found_shown_and_explained_by_the_policies_of_then(
    desk: Desk, tmp_path: Path
) -> None:
    """From the phone's key to the rule; what is read by operators pushes nothing out."""
    with Ua(desk.server.ports["udp"], ALICE) as phone:
        phone.subscribe()
        phone.subscribe(dnd(True))
    assert desk.ask("GET", f"/v1/presentities/{ALICE}?as=phone")[0] == 200
    _, page = desk.ask("GET", f"/v1/decisions?effect=deny&presentity={ALICE}&rule=p/no-dnd")
    (row,) = page["items"]
    assert (row["reason"], row["actor"]) == ("no-dnd", ALICE)
    _, newest = desk.ask("GET", "/v1/decisions")
    assert {one["origin"] for one in newest["items"]} == {"watcher"}
    policy = tmp_path / "policy.yaml"
    policy.write_text(policy.read_text().replace("no-dnd", "other"))
    assert desk.ask("POST", "/v1/policies/reload")[1]["changed"]
    status, record = desk.ask("GET", f"/v1/decisions/{row['id']}")
    assert (status, record["decision"]["reason"]) == (200, "no-dnd")
    status, explained = desk.ask("GET", f"/v1/decisions/{row['id']}/explanation")
    assert status == 200
    assert explained["matched"][0]["rule"] == "p/no-dnd"
    assert explained["text"][0].endswith("denied, no-dnd")
    dfks = str(Path(sys.executable).with_name("dfks"))
    command = [dfks, "decisions", "--url", desk.url, "--denied"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert re.search(rf"denied: no-dnd +p/no-dnd +{row['id']}\n$", told)


def test_policies_are_tried_replaced_and_brought_back(desk: Desk, tmp_path: Path) -> None:
    """What cannot be used changes nothing, and is told with its findings."""
    first = desk.ask("GET", "/v1/policies")[1]["revision"]
    policy = tmp_path / "policy.yaml"
    good = policy.read_text()
    files = [{"name": "p.yaml", "text": good.replace("no-dnd", "other")}]
    assert desk.ask("POST", "/v1/policies/check", {"files": files})[1]["usable"]
    _, differences = desk.ask("POST", "/v1/policies/diff", {"new": files})
    assert differences["groups"][0]["old"]["reason"] == "no-dnd"
    assert desk.ask("PUT", "/v1/policies/shadow", {"files": files})[0] == 200
    facts = {"op": "set", "feature": "DoNotDisturb", "request.status": 1}
    _, told = desk.ask("POST", "/v1/policies/evaluate", {"facts": facts})
    assert told["decision"]["reason"] == "no-dnd"
    policy.write_text("kind: Polic\n")
    status, problem = desk.ask("POST", "/v1/policies/reload")
    assert (status, problem["type"]) == (409, "urn:dfks:problem:policies-unusable")
    assert problem["findings"][0]["file"] == str(policy)
    assert desk.ask("GET", "/v1/policies/findings")[1]["failure"]["trigger"] == "operator"
    policy.write_text(files[0]["text"])
    assert desk.ask("POST", "/v1/policies/reload")[1]["changed"]
    assert desk.ask("POST", "/v1/policies/rollback")[1] == {"revision": first, "changed": True}
    assert desk.ask("GET", f"/v1/policies/revisions/{first}")[1]["files"][0]["text"] == good


def test_a_question_that_takes_too_long_is_given_up_and_the_next_one_answered(desk: Desk) -> None:
    """Phones are served meanwhile."""
    assert desk.worker() is None
    assert desk.ask("GET", "/v1/policies/findings")[0] == 200
    worker = desk.worker()
    assert worker is not None
    os.kill(worker, 19)  # SIGSTOP: it hangs
    facts = {"facts": {"op": "get", "feature": "DoNotDisturb"}}
    status, problem = desk.ask("POST", "/v1/policies/evaluate", facts)
    assert (status, problem["type"]) == (503, "urn:dfks:problem:gave-up")
    assert _is_gone(worker)
    assert desk.ask("POST", "/v1/policies/evaluate", facts)[0] == 200
    assert desk.worker() != worker
    statistics = desk.ask("GET", "/v1/statistics")[1]
    assert (statistics["worker:gave_up"], statistics["worker:starts"]) == (1, 2)


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_the_worker_ends_with_its_server(desk: Desk, how: str) -> None:
    """However that ends."""
    assert desk.ask("GET", "/v1/policies/findings")[0] == 200
    worker = desk.worker()
    assert worker is not None
    getattr(desk.server, how)()
    wait_until(lambda: _is_gone(worker))


def test_a_token_of_a_domain_sees_its_own_decisions_only(tmp_path: Path) -> None:
    """And no policies, which decide for all."""
    dfks = str(Path(sys.executable).with_name("dfks"))
    config = {
        **write_policy(tmp_path, RULES),
        "http": {"listen": "127.0.0.1:0", "tokens": str(tmp_path / "tokens.json")},
        "reload": {"watch": False, "last_good": str(tmp_path / "last_good.json")},
    }
    (tmp_path / "tokens.json").write_text('{"tokens": []}')
    with serve(tmp_path, config) as server:
        desk = Desk(server)

        def token(name: str, domain: str) -> str:
            settings = str(tmp_path / "dfks.yaml")
            command = [dfks, "token", "create", name, "--scopes", "all", "--domains", domain]
            made = subprocess.run(
                [*command, "--config", settings], capture_output=True, text=True, check=True
            )
            return made.stdout.split()[-1]

        ours, theirs = token("ours", "example.com"), token("theirs", "other.example")
        path = f"/v1/presentities/{ALICE}/features/DoNotDisturb"
        status, problem = desk.ask("PUT", path, {"status": "on"}, ours)
        assert (status, problem["reason"]) == (403, "no-dnd")
        name = problem["decision"]
        assert desk.ask("GET", f"/v1/decisions/{name}", None, ours)[0] == 200
        assert desk.ask("GET", f"/v1/decisions/{name}", None, theirs)[0] == 404
        assert desk.ask("GET", f"/v1/decisions/{name}/explanation", None, theirs)[0] == 404
        assert desk.ask("GET", "/v1/decisions", None, theirs)[1] == {"items": []}
        _, explained = desk.ask("GET", f"/v1/decisions/{name}/explanation", None, ours)
        assert "secret" not in json.dumps(explained)
        assert desk.ask("GET", "/v1/policies", None, ours)[0] == 403
