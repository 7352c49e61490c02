"""`dfks policy from-opensips`."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from dfks_rules.cli.main import dfks
from dfks_rules.errors import PolicyError
from tests.helpers.published import ROOT

SEED = """\
loadmodule "presence_dfks.so"
modparam("presence_dfks", "get_route", "dfks_get")
modparam("presence_dfks", "set_route", "dfks_set")

route[dfks_set] {
    # forwarding every call is not allowed
    if ($dfks(feature) == "CallForwardingAlways")
        $dfks(status) = 0;
}

route[dfks_get] {
    if ($dfks(feature) == "CallForwardingNoAnswer") {
        $dfks(status) = 1;
        $dfks(value/forwardTo) = "sip:bob@10.0.0.11";
        $dfks(value/ringCount) = 3;
    } else if ($dfks(feature) == "CallForwardingAlways") {
        $dfks(assigned) = 0;
    }
}
"""
"""Routes that do what our example does."""


def run(*arguments: object) -> tuple[int, str]:
    """Exit code and output of a command on policies."""
    result = CliRunner().invoke(dfks, ["policy", *map(str, arguments)])
    return result.exit_code, result.output


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """The seed's script."""
    path = tmp_path / "opensips.cfg"
    path.write_text(SEED, encoding="utf-8")
    return path


def test_the_seed_is_our_example(script: Path, tmp_path: Path) -> None:
    """Every request is decided alike, and the cases that come with it pass."""
    into = tmp_path / "carried"
    assert run("from-opensips", script, "--into", into)[0] == 0
    assert run("check", "--strict", into)[0] == 0
    code, output = run("test", "--coverage-threshold", "100", into)
    assert (code, output) == (0, "3 cases: 3 passed, 0 failed\n")
    example = ROOT / "policies/examples/presence-dfks/policy.yaml"
    code, output = run("diff", example, into / "policy.yaml")
    assert code == 0, output


def test_what_is_not_carried_is_told_and_fails(script: Path) -> None:
    """A build that moves scripts must not go on as if nothing was missing."""
    script.write_text(SEED.replace("# forwarding every call is not allowed", "t_newtran();"))
    code, output = run("from-opensips", script)
    assert code == 1
    assert f"{script}:6: not carried: `t_newtran(…)` has no counterpart\n" in output
    assert "kind: Policy\n" in output


def test_a_rule_that_only_logs_has_a_case(script: Path, tmp_path: Path) -> None:
    """What it logs can be tested, too."""
    script.write_text('route[dfks_set] { if ($rU == "bob") xlog("L_INFO", "by $fU\\n"); }')
    into = tmp_path / "carried"
    assert run("from-opensips", script, "--into", into)[0] == 0
    cases = (into / "cases.yaml").read_text("utf-8")
    assert "name: set-1 logs\n" in cases
    assert "log: [by " in cases
    assert run("test", "--coverage-threshold", "100", into)[0] == 0


def test_a_rule_that_never_shows_has_no_case_and_says_so(script: Path, tmp_path: Path) -> None:
    """Whoever reads the cases does not look for it."""
    assigned, other = "$dfks(status) = 0;\n", 'if ($rU == "b") $dfks(notify) = 0;\n'
    script.write_text(f"route[dfks_set] {{\n{assigned}{other}{assigned}}}")
    into = tmp_path / "carried"
    code, output = run("from-opensips", script, "--into", into)
    assert code == 0
    what = "no case: rule `set-2` shows in no request that was tried"
    assert what in output
    assert "# No case: rule `set-2`" in (into / "cases.yaml").read_text("utf-8")
    assert run("test", into)[0] == 0


def test_more_rules_than_one_policy_has_are_several_files(script: Path, tmp_path: Path) -> None:
    """Which decide as the script did, and each rule has a case."""
    tests = [f'case "u{n}":\n$dfks(value/forwardTo) = "sip:{n}@x";\nbreak;\n' for n in range(700)]
    script.write_text("route[dfks_get] { switch ($rU) { " + "".join(tests) + "} }")
    code, output = run("from-opensips", script)
    assert (code, "700 rules are more than one policy has: give `--into`" in output) == (2, True)
    into = tmp_path / "carried"
    code, output = run("from-opensips", script, "--into", into)
    assert code == 0
    assert sorted(path.name for path in into.iterdir()) == [
        "2-cases.yaml",
        "cases.yaml",
        "policy-2.yaml",
        "policy.yaml",
    ]
    assert run("check", "--strict", into)[0] == 0
    code, output = run("test", into)
    assert (code, output) == (0, "700 cases: 700 passed, 0 failed\n")


def test_files_that_are_there_are_kept(script: Path, tmp_path: Path) -> None:
    """Somebody may have worked on them."""
    (tmp_path / "cases.yaml").write_text("mine")
    code, output = run("from-opensips", script, "--into", tmp_path)
    assert code == 2
    assert "cases.yaml exists" in output
    assert not (tmp_path / "policy.yaml").exists()


def test_a_file_without_an_end_is_refused() -> None:
    """A device, or a file that was given by mistake."""
    result = CliRunner().invoke(dfks, ["policy", "from-opensips", "/dev/zero"])
    assert isinstance(result.exception, PolicyError)
    assert [one.message for one in result.exception.findings] == [
        "script has more than 1048576 bytes"
    ]
