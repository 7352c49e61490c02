"""Policies kept for a start when the files are broken."""

from pathlib import Path

import pytest

from dfks_rules.app.desk.last_good import keep, recall
from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.policy.reading.source import Source

FILES = PolicyFiles(
    (Source("p.yaml", "kind: Policy # é\n"), Source("tenants/a.example/t.yaml", "t", "a.example")),
    (Source("cases.yaml", "c"),),
    (Source("proofs.yaml", "p"),),
)


def test_what_is_kept_comes_back_as_it_was(tmp_path: Path) -> None:
    """With names, tenants and tests."""
    path = tmp_path / "var" / "policies.json"
    keep(path, FILES)
    assert recall(path) == FILES
    keep(path, FILES._replace(cases=()))
    assert recall(path) == FILES._replace(cases=())
    assert [file.name for file in path.parent.iterdir()] == ["policies.json"]


def test_what_an_older_server_kept_has_no_proofs(tmp_path: Path) -> None:
    """It is of use all the same."""
    path = tmp_path / "policies.json"
    path.write_text('{"sources": [["p.yaml", "kind: Policy", null]], "cases": []}')
    assert recall(path) == PolicyFiles((Source("p.yaml", "kind: Policy"),), ())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"sources": [1], "cases": []}',
        '{"sources": [[1, "kind: Policy", null]], "cases": []}',
        '{"sources": [["p.yaml", null, null]], "cases": []}',
        '{"sources": [["p.yaml", "kind: Policy", ["t"]]], "cases": []}',
        '{"sources": [["p.yaml"]], "cases": []}',
        "[" * 100_000,
        "\x00",
    ],
)
def test_what_is_of_no_use_is_nothing(tmp_path: Path, text: str) -> None:
    """The server then says what is wrong with the policy files."""
    path = tmp_path / "policies.json"
    assert recall(path) is None
    path.write_text(text)
    assert recall(path) is None


def test_files_without_a_policy_are_of_no_use(tmp_path: Path) -> None:
    """A start with them would allow everything."""
    path = tmp_path / "policies.json"
    users = Source("users.csv", "user,domain,group,role,numbers\n")
    for sources in ((), (users,), (Source("d.yaml", "kind: Directory\n"),)):
        keep(path, PolicyFiles(sources, ()))
        assert recall(path) is None


def test_a_failed_write_leaves_no_litter(tmp_path: Path) -> None:
    """Every reload would add to it."""
    path = tmp_path / "policies.json"
    path.mkdir()
    with pytest.raises(OSError, match="directory"):
        keep(path, FILES)
    assert [file.name for file in tmp_path.iterdir()] == ["policies.json"]
