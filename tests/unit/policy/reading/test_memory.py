"""Files that are read again and again."""

from dfks_rules.policy.lint.findings import check_and_lint
from dfks_rules.policy.reading.memory import AFRESH, Memory
from dfks_rules.policy.reading.read_list import read_list
from dfks_rules.policy.reading.source import Source
from tests.helpers.policy import source

LIST = Source("barred.csv", "entry\n+49\n")


def test_what_is_the_same_is_read_once() -> None:
    """In one turn and in the next; content counts, and not when a file was written."""
    memory = Memory()
    first, _ = memory.of(read_list, LIST)
    memory.turn()
    second, _ = memory.of(read_list, Source(*LIST))
    changed, _ = memory.of(read_list, LIST._replace(text="entry\n+43\n"))
    assert first is second
    assert changed is not None
    assert changed.entries == {"+43"}
    assert AFRESH.of(read_list, LIST)[0] is not AFRESH.of(read_list, LIST)[0]


def test_what_a_turn_did_not_need_is_forgotten() -> None:
    """A file that was deleted takes no memory."""
    memory = Memory()
    first, _ = memory.of(read_list, LIST)
    memory.turn()
    memory.turn()
    assert memory.of(read_list, LIST)[0] is not first


def test_findings_are_the_same_at_each_look() -> None:
    """Those in the files that are not read again, and those about their entries."""
    rule = "- {id: r, when: {op: set, target.number: {in: {list: barred}}}, then: {deny: no}}"
    files = [
        source(rule),
        LIST._replace(text="entry\n049\n+49\n"),
        Source("users.csv", "user,domain\na b,x.example\n"),
        Source("other.csv", "Entry\n1\n"),
    ]
    memory = Memory()
    looks = []
    for _ in range(3):
        looks.append(check_and_lint(files, memory=memory)[1])
        memory.turn()
    assert looks[0] == looks[1] == looks[2] == check_and_lint(files)[1]
    assert {one.file for one in looks[0]} >= {"barred.csv", "users.csv", "other.csv"}
