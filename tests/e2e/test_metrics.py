"""`GET /metrics` of a real server."""

import json
import re
import shutil
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_open
from prometheus_client.parser import text_string_to_metric_families as read_plain

from dfks_rules.app.exposition.table import SECTIONS, TABLE
from tests.helpers.ports import free_port
from tests.helpers.server import ROOT, Server, serve, write_policy
from tests.helpers.ua import Ua, dnd

pytestmark = pytest.mark.e2e

_ELSEWHERE = {
    "dfks_auth_total",  # only where phones authenticate
    "dfks_shadow_decisions_total",  # only while a candidate is compared
    "dfks_denials_total",  # from the first one on
    "dfks_policy_skew_seconds",  # only of several nodes
    *(one.name for one in SECTIONS["Several nodes"]),
}


def _address(server: Server) -> str:
    found = re.search(r"^  api (http://\S+)$", server.banner, re.MULTILINE)
    assert found is not None
    return found[1]


def _get(server: Server, accept: str = "*/*") -> tuple[str, str]:
    """Content type and body."""
    url = f"{_address(server)}/metrics"
    request = urllib.request.Request(url, headers={"Accept": accept})  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
        return response.headers["Content-Type"], response.read().decode()


def _values(server: Server) -> tuple[str, dict[tuple[str, ...], float]]:
    """Content type; name and values of the labels, in the order of their names → value."""
    kind, text = _get(server)
    samples = [sample for family in read_plain(text) for sample in family.samples]
    return kind, {
        (one.name, *(one.labels[label] for label in sorted(one.labels))): one.value
        for one in samples
    }


def _config(folder: Path) -> dict[str, object]:
    return {"store": f"sqlite:{folder / 'dfks.db'}", "http": {"listen": "127.0.0.1:0"}}


def test_every_metric_is_there_and_counts_what_a_phone_does(tmp_path: Path) -> None:
    """After one subscription and one key that was pressed."""
    with serve(tmp_path, _config(tmp_path)) as server:
        with Ua(server.ports["udp"], "sip:alice@example.com") as phone:
            phone.request()
            phone.to_tag = phone.response().headers["to"].partition(";tag=")[2]
            phone.notify()
            phone.request(body=dnd(True))
            assert phone.response().status == 200
            phone.notify()
            _get(server)
            kind, values = _values(server)
        deadline = time.monotonic() + 10.0
        while not values[("dfks_loop_late_seconds_count",)] and time.monotonic() < deadline:
            _, values = _values(server)
        assert values[("dfks_loop_late_seconds_count",)] > 0
        assert kind.startswith("text/plain; version=0.0.4")
        kind, text = _get(server, "application/openmetrics-text;version=1.0.0")
        assert kind.startswith("application/openmetrics-text; version=1.0.0")
        open_ = [one.name for one in read_open(text)]  # type: ignore[no-untyped-call]
        assert "dfks_sip_requests" in open_
    names = {name for name, *_ in values}
    later = {one for one in TABLE if re.match("dfks_(webhook|dead)", one)}
    for name in set(TABLE) - _ELSEWHERE - later:
        assert {name, f"{name}_bucket"} & names, name
    assert values["dfks_sip_requests_total", "SUBSCRIBE", "udp"] == 2
    assert values["dfks_sip_responses_total", "200"] == 2
    assert values["dfks_subscriptions", "udp"] == 1
    assert values["dfks_notifies_total", "answered"] >= 1
    assert values["dfks_decisions_total", "allow", "DoNotDisturb", "set"] == 1
    assert values["dfks_store_commits_total", "stored"] >= 1
    assert values["dfks_request_duration_seconds_count", "set"] == 1
    assert values["dfks_http_requests_total", "200", "showMetrics"] >= 1
    assert values[("process_open_fds",)] > 5
    assert "alice" not in text


def test_promtool_finds_nothing_wrong(tmp_path: Path) -> None:
    """Neither with the format nor with the names."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("needs promtool (Debian package prometheus)")
    with serve(tmp_path, _config(tmp_path)) as server:
        _, text = _get(server)
    done = subprocess.run(
        [promtool, "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def _asked(url: str) -> Any:
    """What an API of Prometheus says; nothing while it starts."""
    try:
        with urllib.request.urlopen(url, timeout=10) as response:  # noqa: S310
            return json.load(response)["data"]
    except OSError:
        return None


@contextmanager
def _prometheus(folder: Path, target: str) -> Iterator[str]:
    """A real Prometheus that scrapes a server, with our alerts."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("needs prometheus (Debian package prometheus)")
    job = {"job_name": "dfks", "scrape_interval": "1s", "static_configs": [{"targets": [target]}]}
    rules = str(ROOT / "deploy/prometheus/alerts.yml")
    (folder / "prometheus.yml").write_text(
        json.dumps({"scrape_configs": [job], "rule_files": [rules]})
    )
    address = f"127.0.0.1:{free_port()}"
    command = [program, f"--web.listen-address={address}", "--enable-feature=exemplar-storage"]
    command += [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder}/data"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            yield f"http://{address}/api/v1"
        finally:
            process.kill()


def test_prometheus_takes_it_and_names_a_decision_that_denied(tmp_path: Path) -> None:
    """As an exemplar; with our alerts, of which none is on."""
    rules = "- {id: never, when: {op: set}, then: {deny: {reason: closed}}}"
    config = _config(tmp_path) | write_policy(tmp_path, rules)
    with serve(tmp_path, config) as server:
        with Ua(server.ports["udp"], "sip:alice@example.com") as phone:
            phone.request(body=dnd(True))
            assert phone.response().status == 200
            phone.notify()
        with _prometheus(tmp_path, _address(server).removeprefix("http://")) as url:
            up = f"{url}/query?query=" + urllib.parse.quote('up{job="dfks"}')
            series = "query=dfks_denials_total&start=0&end=9999999999"
            deadline = time.monotonic() + 30.0
            found: list[Any] = []
            while not found and time.monotonic() < deadline:
                time.sleep(0.2)
                found = _asked(f"{url}/query_exemplars?{series}") or []
            assert [one["value"][1] for one in _asked(up)["result"]] == ["1"]
            assert found[0]["seriesLabels"]["rule"] == "p/never"
            decision = found[0]["exemplars"][0]["labels"]["decision"]
            (told,) = server.mi("policy:explain", which=decision)["result"]["decisions"]
            assert told["record"]["decision"]["reason"] == "closed"
            (group,) = _asked(f"{url}/rules")["groups"]
            assert len(group["rules"]) > 5
            # Rules may have been looked at before the first scrape: that a server is missing is
            # pending then.
            assert "firing" not in {one["state"] for one in group["rules"]}
