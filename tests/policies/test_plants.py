"""Mistakes that somebody planted, and policies that are right: what `check --complete` says."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from dfks_rules.cli.main import dfks

_FILES = sorted((Path(__file__).parent / "plants").glob("*.yaml"))
_PLANTS = [plant for file in _FILES for plant in yaml.safe_load(file.read_text("utf-8"))["plants"]]
_NUMBERS = "apiVersion: dfks/v1\nkind: NumberPlan\nmetadata: {name: n}\ncountry: DE\n"
_RULE = re.compile(r"rule `([^`]*)`")


def _told(plant: dict[str, Any], folder: Path) -> list[str]:
    """`code rule` of each finding."""
    for policy in plant["policies"]:
        name = policy.get("name", "p")
        top = {"apiVersion": "dfks/v1", "kind": "Policy", "metadata": {"name": name}}
        rest = {key: value for key, value in policy.items() if key != "name"}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump({**top, **rest}, sort_keys=False))
    (folder / "numbers.yaml").write_text(_NUMBERS)
    options = ["--complete", "--zone", "Europe/Berlin", "--format", "json"]
    result = CliRunner().invoke(dfks, ["policy", "check", *options, str(folder)])
    findings = json.loads(result.output)["findings"]
    return [f"{one['code']} {_rule_of(one['message'])}".rstrip() for one in findings]


def _rule_of(message: str) -> str:
    found = _RULE.search(message)
    return found[1] if found else ""


@pytest.mark.parametrize("plant", _PLANTS, ids=lambda plant: str(plant["name"]))
def test_a_plant_is_found_and_nothing_else(plant: dict[str, Any], tmp_path: Path) -> None:
    """None missed, no false alarm."""
    assert _told(plant, tmp_path) == plant.get("told", [])


def test_there_are_as_many_plants_as_were_planted() -> None:
    """46 that are wrong, and 20 in the file of those that are right."""
    files = {file.stem: yaml.safe_load(file.read_text("utf-8"))["plants"] for file in _FILES}
    right = files.pop("right")
    assert (sum(map(len, files.values())), len(right)) == (46, 20)
