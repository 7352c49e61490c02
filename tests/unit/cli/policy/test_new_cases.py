"""Files of new cases."""

import json
import shutil
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dfks_rules.cli.main import dfks
from dfks_rules.cli.policy.new_cases import refuse, write
from dfks_rules.cli.policy.zones import horizon_in
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.cases import parse_cases
from dfks_rules.policy.studying.coverage import Coverage
from tests.helpers.policy import source
from tests.helpers.published import ROOT


def test_requests_of_a_decision_log_come_first(tmp_path: Path) -> None:
    """Its authors know the users in it; what does not matter is left out."""
    rule = "- {id: a, when: {op: get, domain: a.example}, then: {status: 1}}"
    (tmp_path / "p.yaml").write_text(source(rule).text)
    given = {
        "op": "get",
        "feature": "DoNotDisturb",
        "presentity": "sip:zoe@a.example",
        "device": "d",
    }
    log = tmp_path / "log.jsonl"
    log.write_text(json.dumps({"given": given}))
    new = tmp_path / "cases.yaml"
    with log.open("rb") as requests:
        write(new, [tmp_path], Coverage(), requests, horizon_in("UTC"))
    parsed = parse_cases(Source("cases.yaml", new.read_text(encoding="utf-8")))
    (case,) = parsed.cases
    assert (parsed.policies, case.name) == ((".",), "p/a decides status")
    assert case.expect == {"decision": "allow", "status": 1, "by": {"status": "p/a"}}
    assert case.view.request.presentity.domain == "a.example"
    assert "device" not in new.read_text(encoding="utf-8")


def test_only_a_new_file_of_cases_will_do(tmp_path: Path) -> None:
    """A server would take another one for a policy."""
    with pytest.raises(click.UsageError, match="ends in"):
        refuse(tmp_path / "new.yaml")
    refuse(tmp_path / "cases.yaml")
    (tmp_path / "cases.yaml").touch()
    with pytest.raises(click.UsageError, match="exists"):
        refuse(tmp_path / "cases.yaml")


@pytest.mark.parametrize(
    "example", sorted((ROOT / "policies/examples").iterdir()), ids=lambda folder: folder.name
)
def test_generated_cases_cover_every_example(example: Path, tmp_path: Path) -> None:
    """From nothing; and they pass."""
    folder = tmp_path / example.name
    shutil.copytree(example, folder, ignore=shutil.ignore_patterns("*cases.yaml"))
    new = folder / "cases.yaml"
    write(new, [folder], Coverage(), None, horizon_in("UTC"))
    run = CliRunner().invoke(dfks, ["policy", "test", str(new), "--coverage-threshold", "100"])
    assert run.exit_code == 0, run.output
