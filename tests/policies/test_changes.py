"""Files beside policies that somebody has changed: what `policy diff` says of it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from dfks_rules.app.desk.policies import read_sources
from dfks_rules.cli.main import dfks
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.deciding.reference_policy_set import ReferencePolicySet
from dfks_rules.policy.facts.given import view_of
from dfks_rules.policy.studying.compare import what_differs

_FILES = sorted((Path(__file__).parent / "changes").glob("*.yaml"))
_CHANGES = [one for file in _FILES for one in yaml.safe_load(file.read_text("utf-8"))["changes"]]
_PLAN = {"apiVersion": "dfks/v1", "kind": "NumberPlan", "metadata": {"name": "n"}, "country": "DE"}


def _written(change: dict[str, Any], side: str, folder: Path) -> Path:
    """A folder with the rules, and the files of one side."""
    home = folder / side
    home.mkdir()
    top = {"apiVersion": "dfks/v1", "kind": "Policy", "metadata": {"name": "p"}}
    (home / "p.yaml").write_text(yaml.safe_dump({**top, "rules": change["rules"]}))
    (home / "plan.yaml").write_text(yaml.safe_dump(_PLAN))
    for name, content in change[side].items():
        if not isinstance(content, str):
            (home / "plan.yaml").unlink()
            content = yaml.safe_dump({**_PLAN, **content})
        (home / name).write_text(content)
    return home


def _diff(old: Path, new: Path) -> tuple[int, dict[str, Any]]:
    arguments = ["policy", "diff", str(old), str(new), "--format", "json", "--zone", "UTC"]
    result = CliRunner().invoke(dfks, arguments, catch_exceptions=False)
    return result.exit_code, json.loads(result.output)


@pytest.mark.parametrize("change", _CHANGES, ids=lambda change: str(change["name"]))
def test_what_a_changed_file_changes_is_shown_or_proved_to_be_nothing(
    change: dict[str, Any], tmp_path: Path
) -> None:
    """None missed, no false alarm; what is not decided is known not to be."""
    old, new = (_written(change, side, tmp_path) for side in ("old", "new"))
    code, told = _diff(old, new)
    (changed,) = told["changed"]
    if change.get("undecided"):
        assert (code, changed["proved"], changed["groups"]) == (6, False, [])
    else:
        assert code == int(change["differs"])
        assert changed["proved"] is not change["differs"]
        assert bool(told["groups"]) is bool(changed["groups"]) is change["differs"]
    assert set(change.get("lines", ())) <= set(changed["lines"])


@pytest.mark.parametrize(
    "change", [one for one in _CHANGES if one.get("differs")], ids=lambda one: str(one["name"])
)
def test_each_request_that_is_shown_is_decided_otherwise_by_the_files(
    change: dict[str, Any], tmp_path: Path
) -> None:
    """As it is pasted."""
    folders = [_written(change, side, tmp_path) for side in ("old", "new")]
    _, told = _diff(*folders)
    old, new = (ReferencePolicySet(compile_policies(read_sources([folder]))) for folder in folders)
    for group in told["groups"]:
        view = view_of(group["given"])
        assert what_differs(old.decide_view(view), new.decide_view(view))
