"""What a server reads, and what it takes for a mistake."""

from pathlib import Path

import pytest

from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.app.desk.served import find_served, has_policies, is_same, read_served, usable
from dfks_rules.errors import PolicyError
from tests.helpers.policy import source

RULE = source("- {id: r, when: {op: set}, then: {status: 0}}")
USERS = "user,domain,groups,role,numbers\n"
HINT = "to serve without policies, write `policies: []` in the settings"


def refused(*paths: Path) -> list[str]:
    """What is wrong with these paths."""
    with pytest.raises(PolicyError) as caught:
        read_served(paths)
    return [f"{Path(one.file).name}: {one.message}" for one in caught.value.findings]


def test_files_are_read_as_ever(tmp_path: Path) -> None:
    """A folder of users beside a folder of rules is usual."""
    rules, users = tmp_path / "rules", tmp_path / "users"
    for folder in (rules, users):
        folder.mkdir()
    (rules / "p.yaml").write_text(RULE.text)
    (users / "users.csv").write_text(USERS)
    assert has_policies(read_served([rules, users]))
    assert has_policies(read_served([rules / "p.yaml"]))


def test_no_paths_are_no_policies(tmp_path: Path) -> None:
    """`policies: []` in the settings says so."""
    assert read_served([]) == PolicyFiles((), ())


@pytest.mark.parametrize("name", ["notes.txt", "cases.yaml", ".hidden.yaml", "sub/p.yaml"])
def test_a_folder_without_files_that_decide_is_a_mistake(tmp_path: Path, name: str) -> None:
    """An unmounted volume is such a folder, whatever the other folders hold."""
    good, empty = tmp_path / "good", tmp_path / "empty"
    good.mkdir()
    (good / "p.yaml").write_text(RULE.text)
    (empty / name).parent.mkdir(parents=True)
    (empty / name).write_text(RULE.text)
    for paths in ([empty], [good, empty], [empty, good]):
        assert refused(*paths) == [f"empty: there are no policy files here; {HINT}"]


def test_users_and_numbers_alone_are_a_mistake(tmp_path: Path) -> None:
    """They decide nothing."""
    (tmp_path / "users.csv").write_text(USERS)
    (tmp_path / "plan.yaml").write_text(
        "apiVersion: dfks/v1\nkind: NumberPlan\nmetadata: {name: n}\ncountry: DE\n"
    )
    (said,) = refused(tmp_path)
    assert said.endswith(f": `policies` names no file of kind `Policy`; {HINT}")


def test_a_tenants_policy_is_a_policy(tmp_path: Path) -> None:
    """It may be the only one."""
    tenant = tmp_path / "tenants" / "acme.example"
    tenant.mkdir(parents=True)
    (tenant / "p.yaml").write_text(RULE.text)
    assert has_policies(read_served([tmp_path]))


def test_a_folder_in_another_one_does_not_speak_for_it(tmp_path: Path) -> None:
    """The outer one may be what was emptied."""
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "p.yaml").write_text(RULE.text)
    assert refused(tmp_path, inner) == [f"{tmp_path.name}: there are no policy files here; {HINT}"]


def test_a_tenants_folder_without_files_is_a_mistake(tmp_path: Path) -> None:
    """A volume of its own may be there; all that barred this tenant's users would be gone."""
    (tmp_path / "p.yaml").write_text(RULE.text)
    (tmp_path / "tenants/acme.example").mkdir(parents=True)
    said = (
        "acme.example: there are no policy files here; "
        "remove the folder of a tenant without policies"
    )
    assert refused(tmp_path) == [said]


def test_what_is_found_may_be_a_mistake(tmp_path: Path) -> None:
    """The same mistake twice is no news."""
    missing = find_served([tmp_path / "nowhere.yaml"])
    assert isinstance(missing, PolicyError)
    assert is_same(missing, find_served([tmp_path / "nowhere.yaml"]))
    (tmp_path / "p.yaml").write_text(RULE.text)
    found = find_served([tmp_path])
    assert not is_same(found, missing)
    assert not is_same(found, None)
    assert is_same(found, find_served([tmp_path]))
    assert usable(found) == read_served([tmp_path])
    with pytest.raises(PolicyError):
        usable(missing)
