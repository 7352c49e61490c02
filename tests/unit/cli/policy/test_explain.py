"""`dfks policy explain`; tests/e2e asks a running server."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from dfks_rules.cli.main import dfks
from tests.helpers.published import ROOT
from tests.helpers.states import TOLD
from tests.unit.cli.policy.test_asking import SUBSCRIBE

DEFAULT = str(ROOT / "policies/default")


def test_facts_are_explained() -> None:
    """From the command line."""
    facts = ["--fact", "op=get", "--fact", "feature=DoNotDisturb"]
    result = CliRunner().invoke(dfks, ["policy", "explain", DEFAULT, *facts, "--all"])
    assert "  default/tell-what-is-stored\n    status: decided, 0\n" in result.output
    assert '    op: set; saw "get"' in result.output


def test_a_message_is_explained(tmp_path: Path) -> None:
    """Each thing that it asks."""
    file = tmp_path / "m.sip"
    file.write_text(SUBSCRIBE)
    result = CliRunner().invoke(dfks, ["policy", "explain", DEFAULT, "--sip", str(file), "--json"])
    explained = json.loads(result.output)
    assert [one["decision"]["decision"] for one in explained] == ["deny"] + ["allow"] * len(TOLD)


@pytest.mark.parametrize("arguments", [[], [DEFAULT]])
def test_without_a_question_it_is_a_usage_error(arguments: list[str]) -> None:
    """Policies and facts are both needed."""
    assert CliRunner().invoke(dfks, ["policy", "explain", *arguments]).exit_code == 2
