"""Folders of policies as an editor has them."""

from datetime import date
from pathlib import Path

import pytest

from dfks_rules.cli.policy.lsp import folders
from dfks_rules.cli.policy.lsp.folders import Studied, about, elsewhere, folder_of, study
from dfks_rules.policy.editing.changing import RenameError
from dfks_rules.policy.reading.memory import Memory
from tests.helpers.edited import HEAD

TODAY = date(2026, 11, 26)
RULE = "    when: {op: set, request.status: 1}\n    then: {deny: no}\n"
POLICY = HEAD.replace("vars:\n  vips: [alice]\n", "") + RULE
CASES = "apiVersion: dfks/v1\nkind: PolicyTest\npolicies: [.]\ntests:\n  - name: a\n"
EXPIRED = """\
apiVersion: dfks/v1
kind: Exception
metadata: {name: e}
for: [office/second]
until: 2026-11-25
why: x
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one sound policy."""
    where = tmp_path / "policies"
    where.mkdir()
    (where / "office.yaml").write_text(POLICY, "utf-8")
    return where


def _study(folder: Path, unsaved: dict[str, str] | None = None) -> Studied:
    texts = {folder / name: text for name, text in (unsaved or {}).items()}
    return study(folder, [folder], texts, TODAY, Memory())


def _codes(studied: Studied) -> dict[str, list[str]]:
    return {
        Path(file).name: [one.code for one in found] for file, found in studied.findings.items()
    }


def test_the_text_in_the_editor_counts_and_not_the_file(folder: Path) -> None:
    """Also that of a file which is not saved at all yet."""
    assert _codes(_study(folder)) == {"office.yaml": []}
    found = _study(folder, {"office.yaml": POLICY.replace("op: set", "opp: set")})
    assert _codes(found) == {"office.yaml": ["policy_unknown_fact"]}
    found = _study(folder, {"new.yaml": POLICY})
    assert _codes(found)["office.yaml"] == ["policy_duplicate_name"]


def test_cases_and_proofs_are_checked_beside_the_policies(folder: Path) -> None:
    """Each by its own schema."""
    proofs = CASES.replace("PolicyTest", "PolicyProof").replace("tests", "proofs")
    found = _codes(_study(folder, {"cases.yaml": CASES, "proofs.yaml": proofs}))
    assert found["cases.yaml"] == ["policy_missing", "policy_missing"]
    assert found["proofs.yaml"]


def test_an_exception_that_has_expired_is_told_by_today(folder: Path) -> None:
    """As `dfks policy check` tells it."""
    second = POLICY + RULE.replace("    when", "  - id: second\n    when").replace(
        "deny: no", "deny: {reason: never, exceptions: true}"
    ).replace("request.status: 1", "request.status: 1, user: x")
    found = _codes(_study(folder, {"office.yaml": second, "e.yaml": EXPIRED}))
    assert "policy_expired" in found["e.yaml"]


def test_files_that_are_no_policies_are_left_alone(folder: Path) -> None:
    """A repository has other YAML too, and a folder may have nothing else."""
    (folder / "compose.yaml").write_text("services: {}\n", "utf-8")
    (folder / "list.yaml").write_text("apiVersion: v1\nkind: List\n", "utf-8")
    assert _codes(_study(folder)) == {"office.yaml": []}
    (folder / "office.yaml").unlink()
    assert _study(folder).findings == {}


def test_a_file_that_begins_to_be_one_is_checked(folder: Path) -> None:
    """It has its kind, and still has no version."""
    found = _codes(_study(folder, {"new.yaml": "kind: Policy\n"}))
    assert "policy_missing" in found["new.yaml"]


def test_tenants_belong_to_the_folder_that_holds_them(folder: Path) -> None:
    """And their files are confined to them."""
    own = folder / "tenants" / "acme.example" / "own.yaml"
    own.parent.mkdir(parents=True)
    text = POLICY.replace("office", "own").replace("metadata", "band: mandatory\nmetadata")
    own.write_text(text, "utf-8")
    assert folder_of(own) == folder
    assert folder_of(folder / "office.yaml") == folder
    assert "policy_tenant" in _codes(_study(folder))["own.yaml"]
    assert (
        "policy_tenant"
        in _codes(_study(folder, {"tenants/acme.example/own.yaml": text}))["own.yaml"]
    )


def test_nothing_outside_of_the_workspace_is_read(folder: Path, tmp_path: Path) -> None:
    """Not the folder itself, not by a link; what is open in the editor is known anyway."""
    (tmp_path / "users.csv").write_text("user,domain,groups\nalice,a.b,secret\n", "utf-8")
    (folder / "users.csv").symlink_to(tmp_path / "users.csv")
    assert [Path(one.source.file).name for one in _study(folder).files] == ["office.yaml"]
    nothing = study(folder, [], {folder / "office.yaml": POLICY}, TODAY, Memory())
    assert [Path(one.source.file).name for one in nothing.files] == ["office.yaml"]
    elsewhere = study(folder, [tmp_path / "other"], {}, TODAY, Memory())
    assert elsewhere.files == ()


def test_a_file_that_cannot_be_read_is_a_finding_and_hides_no_other(folder: Path) -> None:
    """The rest of the folder is checked all the same."""
    (folder / "latin.yaml").write_bytes(b"kind: Policy # \xe4\n")
    assert _codes(_study(folder)) == {"office.yaml": [], "latin.yaml": ["policy_unreadable"]}


def test_the_policies_that_cases_elsewhere_are_about_are_known_but_not_judged(
    folder: Path, tmp_path: Path
) -> None:
    """Their rules can be completed and renamed from the cases, if the workspace holds them."""
    tests = tmp_path / "tests"
    unsaved = {tests / "cases.yaml": CASES.replace("[.]", "[../policies/office.yaml]")}
    found = study(tests, [tmp_path], unsaved, TODAY, Memory())
    assert [Path(one.source.file) for one in found.files] == [
        tests / "cases.yaml",
        folder / "office.yaml",
    ]
    assert found.findings.keys() == {str(tests / "cases.yaml")}
    assert len(study(tests, [tests], unsaved, TODAY, Memory()).files) == 1


def test_files_that_nobody_changed_are_not_read_again(folder: Path) -> None:
    """A list of 200,000 numbers would take longer than all policies, at each key."""
    (folder / "barred.csv").write_text("entry\n+49\n", "utf-8")
    memory = Memory()
    first, second = (
        {
            Path(one.source.file).name: one
            for one in study(folder, [folder], texts, TODAY, memory).files
        }
        for texts in ({}, {folder / "office.yaml": POLICY + "\n"})
    )
    assert first["barred.csv"] is second["barred.csv"]
    assert first["office.yaml"] is not second["office.yaml"]


def test_cases_elsewhere_that_are_about_a_folder_are_found(folder: Path, tmp_path: Path) -> None:
    """A rule is renamed in them, too; saved or not, and none that is outside of the workspace."""
    tests, other = tmp_path / "tests", tmp_path / "other"
    for where in (tests, other):
        where.mkdir()
        (where / "cases.yaml").write_text(CASES, "utf-8")
    named = CASES + "    expect: {matched: [office/first]}\n"
    about_it = named.replace("[.]", "[../policies]")
    (tests / "night-cases.yaml").write_text(about_it, "utf-8")
    unsaved = {other / "new-cases.yaml": about_it, folder / "cases.yaml": CASES}
    rule = "office/first"
    found = elsewhere(rule, [tmp_path], unsaved, Memory())
    assert folders.folders_having(rule, found) == {folder}
    assert [one.source.file for one in about(rule, folder, found)] == [
        str(tests / "night-cases.yaml"),
        str(other / "new-cases.yaml"),
    ]
    (other / "linked-cases.yaml").symlink_to(tests / "night-cases.yaml")
    assert elsewhere(rule, [other], {}, Memory()) == []


def test_an_exception_means_the_rule_of_its_own_folder_if_that_has_one(
    folder: Path, tmp_path: Path
) -> None:
    """Else that of the policies with which a server reads it."""
    text = (
        "apiVersion: dfks/v1\nkind: Exception\nmetadata: {name: boss}\n"
        "for: [office/first]\nwhy: x\nwhen: {user: boss}\n"
    )
    for where, policy in (("site", ""), ("other", POLICY)):
        (tmp_path / where).mkdir()
        (tmp_path / where / "boss.yaml").write_text(text, "utf-8")
        (tmp_path / where / "office.yaml").write_text(policy or "a: 1\n", "utf-8")
    found = elsewhere("office/first", [tmp_path], {}, Memory())
    means = about("office/first", folder, found)
    assert [one.source.file for one in means] == [str(tmp_path / "site" / "boss.yaml")]


def test_a_workspace_with_too_many_files_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An editor that has a home folder open would wait for long."""
    monkeypatch.setattr(folders, "MAX_FILES", 1)
    (folder / "cases.yaml").write_text(CASES, "utf-8")
    with pytest.raises(RenameError, match="more than 1 YAML files; open fewer folders"):
        elsewhere("p/r", [folder], {}, Memory())
