"""Files of lists, in YAML and CSV, and what is wrong with them."""

import pytest

from dfks_rules.policy.language.lists import MAX_ENTRIES, NamedList
from dfks_rules.policy.reading.read_list import MAX_FINDINGS, read_list
from dfks_rules.policy.reading.source import MAX_CSV_BYTES, Source

HEAD = "apiVersion: dfks/v1\nkind: List\nmetadata: {name: barred}\n"
BARRED = NamedList("barred", frozenset({"+4930123456", "+882"}))


def wrong(file: str, text: str) -> list[tuple[int, int, str, str]]:
    """(line, column, code, message) of what is wrong with a file."""
    listed, findings = read_list(Source(file, text))
    assert listed is None
    return [finding[1:5] for finding in findings]


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("l.yaml", HEAD + 'entries: ["+4930123456", "+882"]\n'),
        ("barred.csv", "entry\n+4930123456\n+882\n"),
        ("lists/barred.csv", "\ufeffentry,why\r\n+4930123456,asked by Ms Meyer\r\n\r\n+882,\r\n"),
        ("barred.CSV", "entry\n +882 \n+4930123456\n+882\n"),
    ],
)
def test_list_is_read_from_yaml_and_csv(file: str, text: str) -> None:
    """Further columns are for people; an entry may appear twice."""
    assert read_list(Source(file, text)) == (BARRED, [])


@pytest.mark.parametrize(
    ("file", "text", "finding"),
    [
        ("l.yaml", HEAD, (2, 1, "policy_missing", "file has no `entries`")),
        (
            "l.yaml",
            HEAD + "entries: [112]\n",
            (
                4,
                11,
                "policy_type",
                'entry 1 of `entries` must be text: put it in quotes, `"112"`',
            ),
        ),
        (
            "barred.csv",
            "entry\n",
            (1, 1, "policy_limit", "list has 0 entries; it takes 1 to 200000"),
        ),
        (
            "barred.csv",
            'entry\n"+49"\n',
            (2, 1, "policy_value", '`"+49"` has a quote; no entry needs quotes'),
        ),
        (
            "barred.csv",
            "entry,why\n,none\n",
            (2, 1, "policy_value", "entry has 0 characters; it takes 1 to 512"),
        ),
        (
            "My List.csv",
            "entry\n1\n",
            (
                1,
                1,
                "policy_value",
                "the list is called as its file, and `My List` is not a name of at most 63"
                " lower-case letters, digits and `-`, a letter first",
            ),
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    file: str, text: str, finding: tuple[int, int, str, str]
) -> None:
    """One finding each."""
    assert wrong(file, text) == [finding]


def test_a_file_of_mistakes_has_bounded_findings() -> None:
    """A wrong column is wrong on every line."""
    assert len(wrong("barred.csv", "entry\n" + "\x07\n" * 10_000)) == MAX_FINDINGS


def test_a_list_has_as_many_entries_as_its_bound() -> None:
    """And not one more."""
    lines = [f"+49{number}" for number in range(MAX_ENTRIES + 1)]
    listed, findings = read_list(Source("a.csv", "entry\n" + "\n".join(lines[1:])))
    assert listed is not None
    assert len(listed.entries) == MAX_ENTRIES
    assert not findings
    assert wrong("a.csv", "entry\n" + "\n".join(lines))[0][2] == "policy_limit"
    assert wrong("a.csv", "entry\n" + "x" * MAX_CSV_BYTES)[0][2] == "policy_limit"
