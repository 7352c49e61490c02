"""Files in bodies."""

import pytest

from dfks_rules.operations.studies import Text
from dfks_rules.web.api.texts import FILES, MAX_FILES, MAX_LENGTH, texts_of
from dfks_rules.web.binding import check
from dfks_rules.web.problem import Problem


@pytest.mark.parametrize(
    "name", ["p.yaml", "users.csv", "a-cases.yaml", "tenants/acme.example/policy.yml"]
)
def test_names_are_those_of_a_folder_of_policies(name: str) -> None:
    """With the folders of tenants."""
    check("files", FILES, [{"name": name, "text": ""}])
    assert texts_of([{"name": name, "text": "x"}]) == [Text(name, "x")]


@pytest.mark.parametrize(
    "files",
    [
        [],
        [{"name": "p.yaml", "text": ""}] * (MAX_FILES + 1),
        [{"name": "p.yaml", "text": "x" * (MAX_LENGTH + 1)}],
        [{"name": "p.txt", "text": ""}],
        [{"name": "/etc/p.yaml", "text": ""}],
        [{"name": "../p.yaml", "text": ""}],
        [{"name": "folder/p.yaml", "text": ""}],
        [{"name": ".p.yaml", "text": ""}],
        [{"name": "p.yaml"}],
    ],
)
def test_what_is_no_such_folder_does_not_fit(files: list[dict[str, str]]) -> None:
    """None, too many, too large, or elsewhere."""
    with pytest.raises(Problem, match="invalid-body"):
        check("files", FILES, files)


@pytest.mark.parametrize(
    "files",
    [
        [{"name": "p.yaml", "text": ""}, {"name": "p.yaml", "text": ""}],
        [{"name": "p.yaml\n", "text": ""}],
        [{"name": "p.yaml", "text": "€" * (MAX_LENGTH // 2)}],
    ],
    ids=["twice", "line", "bytes"],
)
def test_what_a_schema_cannot_say_is_said(files: list[dict[str, str]]) -> None:
    """With the place."""
    with pytest.raises(Problem) as raised:
        texts_of(files)
    assert raised.value.body["errors"][0]["pointer"].startswith("/files/")
