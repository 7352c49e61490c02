"""Policies that become others while a real server runs."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.helpers.server import START_WITHIN, Server, serve

pytestmark = pytest.mark.e2e

ALICE = "sip:alice@example.com"
QUIET = {"reload": {"watch": False}}
"""Settings with which only an operator reloads."""


def write(folder: Path, reason: str, name: str = "policy.yaml") -> None:
    """A policy that refuses every set, for this reason."""
    (folder / name).write_text(policy(reason))


def policy(reason: str) -> str:
    """See `write`."""
    return (
        "apiVersion: dfks/v1\nkind: Policy\nmetadata: {name: p}\n"
        f"rules: [{{id: r, when: {{op: set}}, then: {{deny: {reason}}}}}]\n"
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of policies; at first the reason is `first`."""
    path = tmp_path / "policies"
    path.mkdir()
    write(path, "first")
    return path


def reason(server: Server) -> str:
    """Why a set is refused now."""
    call = server.mi("dfks:set_feature", presentity=ALICE, feature="DoNotDisturb", status=1)
    found: str = call["error"]["data"]["reason"]
    return found


def listing(server: Server) -> dict[str, Any]:
    """What `policy:list` says."""
    found: dict[str, Any] = server.mi("policy:list")["result"]
    return found


def wait_until(holds: Callable[[], bool]) -> None:
    """Ask again and again, for as long as a start may take."""
    deadline = time.monotonic() + START_WITHIN
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_edited_file_decides_by_itself(folder: Path, tmp_path: Path) -> None:
    """Save, and it holds."""
    with serve(tmp_path, {"policies": [str(folder)]}) as server:
        before = listing(server)
        write(folder, "second")
        wait_until(lambda: reason(server) == "second")
        after = listing(server)
        assert after["revision"] != before["revision"]
        assert [row["revision"] for row in after["history"]] == [
            before["revision"],
            after["revision"],
        ]
        assert after["from"] == "files"


def test_a_file_put_in_place_of_the_old_one_decides(folder: Path, tmp_path: Path) -> None:
    """As editors and deployment tools do; also when the file itself is configured."""
    with serve(tmp_path, {"policies": [str(folder / "policy.yaml")]}) as server:
        for word in ("second", "third"):
            write(folder, word, "policy.yaml.swp")
            (folder / "policy.yaml.swp").rename(folder / "policy.yaml")
            wait_until(lambda word=word: reason(server) == word)  # type: ignore[misc]


def test_a_new_tenant_decides(folder: Path, tmp_path: Path) -> None:
    """Its folder was not there when the server began to watch."""
    with serve(tmp_path, {"policies": [str(folder)]}) as server:
        tenant = folder / "tenants" / "example.com"
        tenant.mkdir(parents=True)
        text = policy("of-the-tenant").replace("name: p}", "name: t}\npriority: 999")
        (tenant / "policy.yaml").write_text(text)
        wait_until(lambda: reason(server) == "of-the-tenant")


def test_polling_finds_changes_too(folder: Path, tmp_path: Path) -> None:
    """For bind mounts and NFS."""
    config = {"policies": [str(folder)], "reload": {"poll": True}}
    with serve(tmp_path, config) as server:
        write(folder, "second")
        wait_until(lambda: reason(server) == "second")


def test_broken_file_leaves_the_old_policies_and_says_why(folder: Path, tmp_path: Path) -> None:
    """In the list, in the statistics and in the log."""
    with serve(tmp_path, {"policies": [str(folder)]}) as server:
        (folder / "policy.yaml").write_text(policy("x").replace("op:", "opp:"))
        wait_until(lambda: listing(server)["last_failure"] is not None)
        assert reason(server) == "first"
        failure = listing(server)["last_failure"]
        assert failure["trigger"] == "change"
        assert "unknown fact `opp`" in failure["findings"][0]
        numbers = server.mi("get_statistics", statistics=["policy:"])["result"]
        assert numbers["policy:reload_failures"] >= 1
        assert numbers["policy:reloads"] == 0
        write(folder, "mended")
        wait_until(lambda: reason(server) == "mended")
        assert listing(server)["last_failure"] is None
    lines = [json.loads(line) for line in (tmp_path / "server.log").read_text().splitlines()]
    (failed,) = [line for line in lines if line["event"] == "policy_reload_failed"][:1]
    assert failed["level"] == "error"
    assert "unknown fact `opp`" in failed["findings"][0]


def test_sighup_reloads(folder: Path, tmp_path: Path) -> None:
    """What every daemon does."""
    with serve(tmp_path, {"policies": [str(folder)]} | QUIET) as server:
        write(folder, "second")
        assert reason(server) == "first"
        server.hang_up()
        wait_until(lambda: reason(server) == "second")


def test_an_operator_reloads_and_rolls_back(folder: Path, tmp_path: Path) -> None:
    """Each answer comes when it is done; a rollback stays until files change again."""
    with serve(tmp_path, {"policies": [str(folder)]}) as server:
        first = server.mi("policy:reload")["result"]
        assert first == {"revision": listing(server)["revision"], "changed": False}
        for word in ("second", "third"):
            write(folder, word)
            server.mi("policy:reload")
            assert reason(server) == word
        assert server.mi("policy:rollback")["result"]["changed"]
        assert reason(server) == "second"
        assert server.mi("policy:rollback")["result"] == first | {"changed": True}
        assert reason(server) == "first"
        assert listing(server)["from"] == "rollback"
        os.utime(folder / "policy.yaml")
        time.sleep(0.5)
        assert reason(server) == "first"
        assert server.mi("policy:rollback")["error"]["code"] == 404
        write(folder, "fourth")
        wait_until(lambda: reason(server) == "fourth")


def test_failing_cases_refuse_a_reload(folder: Path, tmp_path: Path) -> None:
    """What an author pinned down must hold."""
    with serve(tmp_path, {"policies": [str(folder)]} | QUIET) as server:
        (folder / "cases.yaml").write_text(
            "apiVersion: dfks/v1\nkind: PolicyTest\npolicies: [policy.yaml]\ntests:\n"
            "  - name: sets are refused first\n"
            "    given: {op: set, feature: DoNotDisturb, request.status: 1}\n"
            "    expect: {reason: first}\n"
        )
        assert "error" not in server.mi("policy:reload")
        write(folder, "second")
        error = server.mi("policy:reload")["error"]
        assert error["message"] == "Invalid policies"
        assert error["data"]["findings"] == [
            f"{folder}/cases.yaml:5:1: case `sets are refused first` failed: "
            "reason: expected first, got second [policy_case_failed]"
        ]
        assert reason(server) == "first"


def test_refuted_proofs_refuse_a_reload(folder: Path, tmp_path: Path) -> None:
    """And those that say nothing do not."""
    with serve(tmp_path, {"policies": [str(folder)]} | QUIET) as server:
        (folder / "proofs.yaml").write_text(
            "apiVersion: dfks/v1\nkind: PolicyProof\npolicies: [.]\nproofs:\n"
            "  - name: sets are refused first\n"
            "    when: {op: set}\n"
            "    expect: {reason: first}\n"
            "  - name: who has no target is spared\n"
            "    when: {op: set, feature: DoNotDisturb, target.class: premium}\n"
            "    expect: {decision: deny}\n"
        )
        assert "error" not in server.mi("policy:reload")
        write(folder, "second")
        error = server.mi("policy:reload")["error"]
        assert error["message"] == "Invalid policies"
        (finding,) = error["data"]["findings"]
        assert finding.startswith(
            f"{folder}/proofs.yaml:5:1: proof `sets are refused first` refuted: "
        )
        assert finding.endswith("is decided `deny second` [policy_proof_refuted]")
        assert reason(server) == "first"
        assert listing(server)["last_failure"]["findings"] == [finding]


def test_broken_files_start_from_the_last_good(folder: Path, tmp_path: Path) -> None:
    """A server that comes back at night must serve."""
    config = {"policies": [str(folder)], "store": "memory:"}
    with serve(tmp_path, config) as server:
        write(folder, "second")
        wait_until(lambda: reason(server) == "second")
        wait_until(lambda: "second" in (tmp_path / "var/policies.json").read_text())
        server.kill()
    (folder / "policy.yaml").write_text("kind: Polic")
    with serve(tmp_path, config) as server:
        assert "THE POLICY FILES ARE BROKEN" in server.banner
        assert reason(server) == "second"
        assert listing(server)["from"] == "last good"
        assert listing(server)["last_failure"]["trigger"] == "start"
        write(folder, "third")
        wait_until(lambda: reason(server) == "third")


def test_shadow_counts_where_a_candidate_differs(folder: Path, tmp_path: Path) -> None:
    """Before it decides."""
    candidate = tmp_path / "candidate"
    candidate.mkdir()
    write(candidate, "other")
    with serve(tmp_path, {"policies": [str(folder)]}) as server:
        assert "error" in server.mi("policy:shadow", path=str(tmp_path / "none"))
        started = server.mi("policy:shadow", path=str(candidate))["result"]
        assert started["revision"] != listing(server)["revision"]
        assert reason(server) == "first"
        shown = server.mi("policy:shadow")["result"]
        assert shown["different"] == {"set DoNotDisturb": 1}
        # A refused set is followed by a get of what holds; both sets of policies tell the same.
        assert shown["same"] == {"get DoNotDisturb": 1}
        (sample,) = shown["samples"]
        assert (sample["active"]["reason"], sample["shadow"]["reason"]) == ("first", "other")
        assert sample["given"]["presentity"] == ALICE
        assert server.mi("policy:shadow", path="off")["result"] == "OK"
        assert server.mi("policy:shadow")["result"] is None


def test_a_killed_check_is_a_failure_that_says_so(folder: Path, tmp_path: Path) -> None:
    """A crash of the engine costs a reload, not the server."""
    with serve(tmp_path, {"policies": [str(folder)]}) as server:
        rules = ",".join(
            f"{{id: r{n}, when: {{user: u{n}}}, then: {{deny: x}}}}" for n in range(4000)
        )
        (folder / "policy.yaml").write_text(policy("x").partition("rules")[0] + f"rules: [{rules}]")
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
        wait_until(lambda: bool(children.read_text().split()))
        os.kill(int(children.read_text().split()[0]), signal.SIGSEGV)
        wait_until(lambda: listing(server)["last_failure"] is not None)
        (finding,) = listing(server)["last_failure"]["findings"]
        assert "was killed by SIGSEGV" in finding
        assert reason(server) == "first"


def test_policies_that_vanish_go_on_deciding_until_they_are_back(
    folder: Path, tmp_path: Path
) -> None:
    """A volume that is not mounted for a moment must not allow what was denied."""
    with serve(tmp_path, {"policies": [str(folder)]}) as server:
        away = tmp_path / "away"
        for take in ("file", "folder"):
            what = folder / "policy.yaml" if take == "file" else folder
            what.rename(away)
            wait_until(lambda: listing(server)["last_failure"] is not None)
            assert reason(server) == "first"
            error = server.mi("policy:reload")["error"]
            assert error["message"] == "Invalid policies"
            (finding,) = error["data"]["findings"]
            assert str(folder) in finding
            away.rename(what)
            wait_until(lambda: listing(server)["last_failure"] is None)
            assert reason(server) == "first"
        write(folder, "second")
        wait_until(lambda: reason(server) == "second")
    lines = [json.loads(line) for line in (tmp_path / "server.log").read_text().splitlines()]
    told = [line for line in lines if line["event"] == "policy_reload_failed"]
    assert {line["level"] for line in told} == {"error"}
    assert "there are no policy files here" in told[0]["findings"][0]


def test_a_config_map_is_followed_when_it_is_swapped_and_not_when_it_is_emptied(
    tmp_path: Path,
) -> None:
    """Kubernetes links each file by way of `..data`, which it turns to another folder."""
    volume = tmp_path / "volume"

    def turn_to(name: str, word: str | None) -> None:
        version = volume / f"..{name}"
        version.mkdir(parents=True)
        if word:
            write(version, word)
        (volume / "..data_tmp").symlink_to(version.name)
        (volume / "..data_tmp").rename(volume / "..data")

    turn_to("1", "first")
    (volume / "policy.yaml").symlink_to("..data/policy.yaml")
    with serve(tmp_path, {"policies": [str(volume)]}) as server:
        turn_to("2", "second")
        wait_until(lambda: reason(server) == "second")
        turn_to("3", None)
        (volume / "policy.yaml").unlink()
        wait_until(lambda: listing(server)["last_failure"] is not None)
        assert reason(server) == "second"
        turn_to("4", "fourth")
        (volume / "policy.yaml").symlink_to("..data/policy.yaml")
        wait_until(lambda: reason(server) == "fourth")


def start_fails(tmp_path: Path, config: dict[str, Any]) -> str:
    """What a server says that does not start, which has exit code 3."""
    file = tmp_path / "dfks.yaml"
    file.write_text(yaml.safe_dump({"store": "memory:", **config}))
    command = [str(Path(sys.executable).with_name("dfks")), "serve", "--config", str(file)]
    done = subprocess.run(command, capture_output=True, timeout=START_WITHIN, check=False)
    assert done.returncode == 3
    return done.stderr.decode()


def test_a_start_without_policies_fails_unless_the_settings_say_so(
    folder: Path, tmp_path: Path
) -> None:
    """With last good ones it serves these."""
    config = {"policies": [str(folder)]}
    (folder / "policy.yaml").unlink()
    assert (
        "there are no policy files here; to serve without policies, write `policies: []`"
        in start_fails(tmp_path, config)
    )
    with serve(tmp_path, {"policies": []}) as server:
        assert "): none; every set is stored" in server.banner
        call = server.mi("dfks:set_feature", presentity=ALICE, feature="DoNotDisturb", status=1)
        assert "error" not in call
    assert "there are no policy files here" in start_fails(tmp_path, config)
    write(folder, "first")
    with serve(tmp_path, config) as server:
        assert reason(server) == "first"
    (folder / "policy.yaml").unlink()
    with serve(tmp_path, config) as server:
        assert "THE POLICY FILES ARE BROKEN; using the last good ones" in server.banner
        assert reason(server) == "first"
