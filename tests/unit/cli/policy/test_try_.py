"""`dfks policy try`."""

from pathlib import Path

from click.testing import CliRunner

from dfks_rules.cli.main import dfks
from dfks_rules.cli.policy.try_ import Shell
from tests.helpers.playbook import default_policies
from tests.helpers.published import ROOT


def talk(*lines: str) -> list[str]:
    """What the shell says after its greeting."""
    arguments = ["policy", "try", str(ROOT / "policies/default")]
    result = CliRunner().invoke(dfks, arguments, input="\n".join(lines) + "\n")
    assert result.exit_code == 0, result.output
    return result.output.splitlines()[1:]


def test_facts_are_set_and_taken_back() -> None:
    """The decision is told as soon as there is one."""
    said = talk("set op set", "set feature DoNotDisturb", "set request.status 1", "unset op")
    assert said[:4] == [
        "facts lack `feature`",
        "facts lack `request.status`",
        "set DoNotDisturb of sip:alice@example.com: allowed, status 1, assigned true, notify true",
        "facts lack `op`",
    ]


def test_a_wrong_fact_changes_nothing() -> None:
    """One typing error must not cost the facts so far."""
    said = talk("set op subscribe", "set op gett", "set fo", "show", "reset", "show", "quit")
    assert said == [
        "subscribe of sip:alice@example.com: allowed",
        "`gett` is not one of `get`, `set`, `subscribe` (did you mean `get`?)",
        "set NAME VALUE",
        "op: subscribe",
    ]


def test_facts_are_loaded_and_explained(tmp_path: Path) -> None:
    """From the `given` of a case."""
    file = tmp_path / "f.yaml"
    file.write_text("{op: get, feature: DoNotDisturb}")
    said = talk(f"load {file}", "why", "why all", "load none", "", "nonsense")
    assert "    status: decided, 0" in said
    assert '    op: set; saw "get"' in said
    assert said[-3] == "cannot read `none`: No such file or directory"
    assert said[-2] == "unknown command `nonsense`; `help` lists the commands"


def test_names_of_facts_are_completed() -> None:
    """Nobody remembers them all."""
    shell = Shell(default_policies())
    assert shell.completedefault("request.f") == ["request.forwardTo "]
