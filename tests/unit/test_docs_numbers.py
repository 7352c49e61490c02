"""The pages about directories and numbers: their examples are read, their tables are run."""

import re

import pytest

from dfks_rules.model.identity import Aor
from dfks_rules.policy.lint.findings import check_and_lint
from dfks_rules.policy.reading.directory_schema import directory_schema
from dfks_rules.policy.reading.read_directory import read_directory
from dfks_rules.policy.reading.read_number_plan import (
    make_number_plan,
    number_plan_schema,
    read_number_plan,
)
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.site.directory import Directory, Entry, make_directory
from dfks_rules.policy.site.targets import CLASSES, KINDS, Targets
from tests.helpers.published import ROOT

DIRECTORY_PAGE = (ROOT / "docs/reference/directory.md").read_text(encoding="utf-8")
NUMBERS_PAGE = (ROOT / "docs/reference/number-analysis.md").read_text(encoding="utf-8")
ROWS = re.findall(
    r"^\| `(.+)` \| (\w+) \| ([\w-]+) \| (\w*) ?\| ?([+\d]*) ?\|$",
    NUMBERS_PAGE[NUMBERS_PAGE.index("## Examples") : NUMBERS_PAGE.index("## How a")],
    re.MULTILINE,
)


def block(page: str, language: str) -> str:
    """The only example in a language."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
    return str(found)


@pytest.mark.parametrize("language", ["yaml", "csv"])
def test_directories_in_the_page_can_be_read(language: str) -> None:
    """Readers copy them."""
    text = block(DIRECTORY_PAGE, language)
    entries, findings = read_directory(Source(f"d.{language}", text))
    directory, more = make_directory(entries)
    assert findings + more == []
    alice = Aor("alice", "acme.example")
    assert directory.groups_of(alice) == ("intl-forward", "sales")
    assert directory.user_of_number("201", "acme.example") == alice


def test_shared_data_in_the_page_can_be_used() -> None:
    """Its policy refers to its lists; together they have no finding."""
    page = (ROOT / "docs/reference/shared-data.md").read_text(encoding="utf-8")
    listed, policy, variables = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    files = [
        Source("barred.csv", block(page, "csv")),
        Source("l.yaml", listed),
        Source("v.yaml", variables),
        Source("p.yaml", policy),
        Source("n.yaml", block(NUMBERS_PAGE, "yaml")),
    ]
    assert check_and_lint(files)[1] == []


def analysed() -> Targets:
    """With the plan in the page, and the directory that it tells of."""
    file, findings = read_number_plan(Source("n.yaml", block(NUMBERS_PAGE, "yaml")))
    assert file
    plan, more = make_number_plan([file])
    assert findings + more == []
    alice = Entry(Aor("alice", "acme.example"), numbers=("201", "+49307123456"))
    return Targets(plan, Directory([alice]))


@pytest.mark.parametrize(("written", "kind", "class_", "reach", "number"), ROWS)
def test_examples_in_the_page_are_so(
    written: str, kind: str, class_: str, reach: str, number: str
) -> None:
    """Authors decide by this table what to bar."""
    target = analysed().analyse(written, Aor("bob", "acme.example"))
    assert (target.kind, target.class_, target.reach or "", target.number or "") == (
        *(kind, class_, reach, number),
    )


def test_every_word_and_key_is_in_the_page() -> None:
    """The pages are the reference: nothing can be written that they do not tell."""
    assert len(ROWS) > 20
    for word in (*KINDS, *CLASSES):
        assert f"`{word}`" in NUMBERS_PAGE, word
    for key in {*number_plan_schema()["properties"]} - {"apiVersion", "kind", "metadata"}:
        assert f"`{key}`" in NUMBERS_PAGE, key
    for key in {*directory_schema()["properties"]} - {"apiVersion", "kind"}:
        assert f"`{key}`" in DIRECTORY_PAGE, key
