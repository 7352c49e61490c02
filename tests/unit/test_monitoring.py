"""Dashboard, alerts and the page about them: each says what is true of the metrics there are."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from dfks_rules.app.exposition.table import TABLE, Kind
from dfks_rules.cli.main import dfks
from tests.helpers.published import ROOT

PROMETHEUS = ROOT / "deploy/prometheus"
ALERTS: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((PROMETHEUS / "alerts.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
TESTS: list[dict[str, Any]] = yaml.safe_load((PROMETHEUS / "alerts.test.yml").read_text("utf-8"))[
    "tests"
]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy/grafana/dfks.json").read_text("utf-8"))
PAGE = (ROOT / "docs/howto/monitor.md").read_text("utf-8")

_NAME = re.compile(r"\b((?:dfks|process)_[a-z_]+)(\{[^}]*\})?")
_OF_SCRAPES = {"job", "instance", "le"}
_SUFFIXES = re.compile(r"_(bucket|sum|count)$")

each_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda one: one["alert"])


def _uses(expression: str) -> Iterator[tuple[str, set[str]]]:
    """Each metric of an expression, and the labels that it is chosen by."""
    for name, chosen in _NAME.findall(expression):
        yield name, set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", chosen))


def _check(expression: str) -> None:
    """Every metric, and every label by which it is chosen or grouped, is in the table."""
    labels: set[str] = set(_OF_SCRAPES)
    for name, chosen in _uses(expression):
        family = TABLE.get(_SUFFIXES.sub("", name), TABLE.get(name))
        assert family is not None, name
        assert (family.kind is Kind.HISTOGRAM) == bool(_SUFFIXES.search(name)), name
        assert chosen <= {*family.labels, *_OF_SCRAPES}, (name, chosen)
        labels |= set(family.labels)
    for grouped in re.findall(r"\bby \(([^)]*)\)", expression):
        assert set(grouped.split(", ")) <= labels, grouped


# --- The dashboard ---

PANELS = [one for one in DASHBOARD["panels"] if one["type"] != "row"]


@pytest.mark.parametrize("panel", PANELS, ids=lambda one: one["title"])
def test_every_panel_shows_metrics_that_there_are(panel: dict[str, Any]) -> None:
    """And says what they mean, from the data source that was chosen."""
    assert panel["description"]
    for target in [panel, *panel["targets"]]:
        assert target["datasource"]["uid"] == "${datasource}"
    for target in panel["targets"]:
        _check(target["expr"])
        for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
            assert label in target["expr"] or label in (*_OF_SCRAPES, "version", "python")


def test_rows_of_the_dashboard() -> None:
    """From the whole to the parts."""
    rows = [one["title"] for one in DASHBOARD["panels"] if one["type"] == "row"]
    assert rows == ["Health", "Phones", "Decisions", "Store", "Several nodes", "Integrations"]
    ids = [one["id"] for one in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)


def test_panels_do_not_overlap() -> None:
    """It is written by hand."""
    taken: set[tuple[int, int]] = set()
    for one in DASHBOARD["panels"]:
        at = one["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        assert max(x for x, _ in cells) < 24
        assert taken.isdisjoint(cells), one["title"]
        taken |= cells


def test_every_metric_of_ours_is_on_the_dashboard() -> None:
    """What nobody sees need not be counted."""
    text = json.dumps(DASHBOARD)
    assert [name for name in TABLE if name.startswith("dfks_") and name not in text] == []


def test_variables_are_the_data_source_the_job_and_the_server() -> None:
    """So that it can be imported anywhere."""
    names = [one["name"] for one in DASHBOARD["templating"]["list"]]
    assert names == ["datasource", "job", "instance"]
    assert "dfks_build_info" in json.dumps(DASHBOARD["templating"])


# --- The alerts ---


@each_alert
def test_alert_is_about_metrics_that_there_are(alert: dict[str, Any]) -> None:
    """Otherwise it would never fire, and nobody would know."""
    _check(alert["expr"])
    assert alert["labels"]["severity"] in ("critical", "warning")


@each_alert
def test_alert_is_tested_with_what_sets_it_off_and_with_what_does_not(
    alert: dict[str, Any],
) -> None:
    """In alerts.test.yml."""
    tried = [
        bool(one["exp_alerts"])
        for test in TESTS
        for one in test["alert_rule_test"]
        if one["alertname"] == alert["alert"]
    ]
    assert set(tried) == {True, False}


def _promtool(*arguments: str) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("needs promtool (Debian package prometheus)")
    done = subprocess.run(
        [promtool, *arguments], cwd=PROMETHEUS, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_rules_are_what_promtool_takes_and_fire_when_they_should() -> None:
    """By the tests in alerts.test.yml."""
    _promtool("check", "rules", "alerts.yml")
    _promtool("test", "rules", "alerts.test.yml")


def test_settings_of_prometheus_on_the_page_are_what_it_takes(tmp_path: Path) -> None:
    """An operator copies them."""
    (settings,) = re.findall(r"```yaml\n(scrape_configs:.*?)```", PAGE, re.DOTALL)
    file = tmp_path / "prometheus.yml"
    file.write_text(settings)
    _promtool("check", "config", "--syntax-only", str(file))


# --- What to do about them ---

SECTIONS: dict[str, str] = dict(
    re.findall(r"^### (Dfks\w+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
)


def test_every_alert_has_a_heading_and_no_other() -> None:
    """Whoever is woken by it reads there."""
    assert list(SECTIONS) == [alert["alert"] for alert in ALERTS]


@each_alert
def test_runbook_says_what_it_means_what_to_type_first_and_what_to_do(
    alert: dict[str, Any],
) -> None:
    """In this order: at three in the morning nobody reads on."""
    name = alert["alert"]
    assert alert["annotations"]["runbook"] == f"docs/howto/monitor.md#{name.lower()}"
    means, first, do = SECTIONS[name].strip().split("\n\n", 2)
    assert not means.startswith(("```", "-", "|"))
    assert re.match(r"```(console|sh)\n", first)
    assert len(do) > 80


def _commands() -> Iterator[list[str]]:
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
        for line in re.findall(r"^\$ dfks (.*)$", block, re.MULTILINE):
            yield line.split()


def _is_whole(group: click.Group, words: list[str]) -> bool:
    """Whether a group is a command by itself."""
    return group.invoke_without_command and (not words or words[0].startswith("-"))


@pytest.mark.parametrize("words", list(_commands()), ids=" ".join)
def test_commands_of_the_page_are_commands(words: list[str]) -> None:
    """Options, too."""
    command: click.Command = dfks
    context = click.Context(dfks, info_name="dfks")
    while isinstance(command, click.Group) and not _is_whole(command, words):
        found = command.get_command(context, words[0])
        assert found is not None, words[0]
        command, words = found, words[1:]
        context = click.Context(command, context, command.name)
    command.make_context(command.name, list(words), context, resilient_parsing=False)
