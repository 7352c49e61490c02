"""`dfks policy prove`."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from dfks_rules.cli.policy.check import command as check
from dfks_rules.cli.policy.prove import command
from dfks_rules.errors import PolicyError
from dfks_rules.policy.proof.needs import Needs
from dfks_rules.policy.proof.undecided import Undecided
from tests.helpers.policy import source

_RULES = "- {id: dear, when: {op: set, target.class: premium}, then: {deny: dear}}"
_HEAD = "apiVersion: dfks/v1\nkind: PolicyProof\npolicies: [.]\nproofs:\n"
_TRUE = "  - {name: so, when: {op: set, target.class: premium}, expect: {decision: deny}}\n"
_FALSE = "  - {name: not so, when: {op: set, target.class: mobile}, expect: {decision: deny}}\n"
_EMPTY = """\
  - name: nothing
    when: {op: get, target.class: premium, feature: DoNotDisturb}
    expect: {status: 1}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Policies without proofs."""
    (tmp_path / "p.yaml").write_text(source(_RULES).text)
    return tmp_path


def _prove(folder: Path, *proofs: str, option: str = "--zone=UTC") -> Result:
    if proofs:
        (folder / "proofs.yaml").write_text(_HEAD + "".join(proofs))
    return CliRunner().invoke(command, [str(folder), option], catch_exceptions=False)


def test_what_is_proved_has_exit_code_0(folder: Path) -> None:
    """And one line."""
    result = _prove(folder, _TRUE)
    assert result.exit_code == 0
    assert result.output == (
        f"{folder}/proofs.yaml:5: proved: so\n1 proof: 1 proved, 0 refuted, 0 not decided\n"
    )


def test_what_is_refuted_shows_a_case_to_paste(folder: Path) -> None:
    """Exit code 5, like a case that fails."""
    result = _prove(folder, _TRUE, _FALSE)
    assert result.exit_code == 5
    assert result.output.splitlines()[1:] == [
        f"{folder}/proofs.yaml:6: refuted: not so",
        "  - name: not so",
        "    given: {op: set, feature: CallForwardingAlways, request.status: 0, "
        'request.forwardTo: "+4915123456789"}',
        "    expect: {decision: deny}    # in fact: allow",
        "2 proofs: 1 proved, 1 refuted, 0 not decided",
    ]


def test_a_proof_about_no_request_is_a_finding(folder: Path) -> None:
    """It proves nothing, so it does not pass."""
    result = _prove(folder, _EMPTY)
    assert result.exit_code == 5
    assert "vacuous: nothing: no request can pass its conditions [policy_vacuous_proof]" in (
        result.output
    )


def test_what_is_not_decided_has_exit_code_6(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing follows from it."""

    def opaque(_needs: Needs, _condition: object) -> None:
        raise Undecided("nobody can read this")

    monkeypatch.setattr(Needs, "condition", opaque)
    result = _prove(folder, _TRUE)
    assert result.exit_code == 6
    assert "not decided: so: nobody can read this" in result.output


def test_ready_made_properties_need_no_file(folder: Path) -> None:
    """For those who do not know what to ask."""
    result = _prove(folder, option="--usual")
    assert result.exit_code == 5
    assert "proved: switching off is never denied" not in result.output
    assert "proved: nobody watches anybody else" in result.output


def test_without_proofs_there_is_nothing_to_prove(folder: Path) -> None:
    """A pipeline that proves nothing shall not look like one that does."""
    result = _prove(folder)
    assert result.exit_code == 5


def test_the_server_and_check_read_no_proofs_as_policies(folder: Path) -> None:
    """They stand beside policies."""
    _prove(folder, _TRUE)
    result = CliRunner().invoke(check, [str(folder)])
    assert result.exit_code == 0
    assert "in 2 files" in result.output


def test_check_finds_mistakes_in_proofs(folder: Path) -> None:
    """Before anybody proves anything."""
    (folder / "proofs.yaml").write_text(_HEAD + _TRUE.replace("op: set", "opp: set"))
    result = CliRunner().invoke(check, [str(folder)])
    assert result.exit_code == 3
    assert "policy_unknown_fact" in result.output


def test_names_that_are_not_there_are_found_by_check_and_prove(folder: Path) -> None:
    """A mistyped class would otherwise be a proof of nothing."""
    (folder / "u.csv").write_text("user,domain,groups\nbob,a.example,vip\n")
    proof = "  - {name: x, when: {op: set, %s}, expect: {decision: deny, as: ../%s}}\n"
    (folder / "proofs.yaml").write_text(_HEAD + proof % ("target.class: premum", "nowhere"))
    told = CliRunner().invoke(check, [str(folder)])
    assert told.exit_code == 3
    assert "there is no file or folder `../nowhere` [policy_unreadable]" in told.output
    assert "unknown class `premum` (did you mean `premium`?)" in told.output
    with pytest.raises(PolicyError, match="did you mean `premium`"):
        _prove(folder)
    (folder / "proofs.yaml").write_text(_HEAD + proof % ("groups: {has: vips}", folder.name))
    told = CliRunner().invoke(check, [str(folder)])
    assert (told.exit_code, "warning: nobody is in group `vips`" in told.output) == (0, True)
    assert "nobody is in group `vips` (did you mean `vip`?)" in _prove(folder).stderr


def test_proofs_use_the_lists_and_variables_of_their_policies(folder: Path) -> None:
    """What a rule says by a name can be claimed by it."""
    rules = (
        "- {id: dear, when: {op: set, target.number: {prefix: {list: dear}}}, then: {deny: dear}}"
    )
    (folder / "p.yaml").write_text(source(rules).text)
    (folder / "dear.csv").write_text("entry\n+4990\n+1900\n")
    vars_ = "apiVersion: dfks/v1\nkind: Vars\nmetadata: {name: v}\nvars: {verdict: deny}\n"
    (folder / "v.yaml").write_text(vars_)
    claim = "{op: set, target.number: {prefix: {list: dear}}}"
    (folder / "proofs.yaml").write_text(
        f"{_HEAD}  - {{name: dear, when: {claim}, expect: {{decision: {{var: verdict}}}}}}\n"
        f"  - {{name: all, when: {{op: set, target.class: mobile}}, expect: {{reason: dear}}}}\n"
    )
    result = CliRunner().invoke(command, [str(folder)])
    assert "proofs.yaml:5: proved: dear\n" in result.output
    assert "proofs.yaml:6: refuted: all\n" in result.output
    assert CliRunner().invoke(check, [str(folder)]).exit_code == 0
    (folder / "dear.csv").unlink()
    assert "unknown list `dear`" in CliRunner().invoke(check, [str(folder)]).output
