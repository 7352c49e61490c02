"""`dfks policy eval`."""

import json
from pathlib import Path

from click.testing import CliRunner

from dfks_rules.cli.main import dfks
from dfks_rules.errors import PolicyError
from tests.helpers.published import ROOT

DEFAULT = str(ROOT / "policies/default")
FACTS = ["--fact", "op=set", "--fact", "feature=DoNotDisturb", "--fact", "request.status=1"]


def test_a_decision_is_one_line_and_its_rules() -> None:
    """The question an author asks most."""
    result = CliRunner().invoke(dfks, ["policy", "eval", DEFAULT, *FACTS])
    assert result.output == (
        "set DoNotDisturb of sip:alice@example.com: allowed, status 1, assigned true, notify true\n"
        "matched: default/store-what-is-asked\n"
        "decided: status by default/store-what-is-asked\n"
    )


def test_facts_come_from_standard_input_and_the_answer_is_json() -> None:
    """For scripts."""
    arguments = ["policy", "eval", DEFAULT, "--facts", "-", "--json"]
    result = CliRunner().invoke(dfks, arguments, input='{"op": "subscribe"}')
    answer = json.loads(result.output)
    assert (answer["decision"], answer["matched"], len(answer["revision"])) == ("allow", [], 12)


def test_facts_that_are_wrong_are_findings(tmp_path: Path) -> None:
    """`main` makes exit code 3 of it."""
    file = tmp_path / "facts.yaml"
    file.write_text("op: gett\n")
    result = CliRunner().invoke(dfks, ["policy", "eval", DEFAULT, "--facts", str(file)])
    assert isinstance(result.exception, PolicyError)
    assert "(did you mean `get`?)" in str(result.exception)
