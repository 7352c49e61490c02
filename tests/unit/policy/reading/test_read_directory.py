"""Directory files in YAML and CSV: what they say, and what is wrong with them."""

import pytest

from dfks_rules.model.identity import Aor
from dfks_rules.policy.reading.directory_schema import MAX_PER_USER
from dfks_rules.policy.reading.directory_values import CSV_HEADER
from dfks_rules.policy.reading.read_directory import (
    MAX_FINDINGS,
    read_directory,
)
from dfks_rules.policy.reading.source import MAX_CSV_BYTES, Source
from dfks_rules.policy.site.directory import Directory

HEAD = "apiVersion: dfks/v1\nkind: Directory\nmetadata: {name: d}\n"
ALICE = Aor("alice", "acme.example")


def read(file: str, text: str, tenant: str | None = None) -> Directory:
    """The directory of a file that has nothing wrong with it."""
    entries, findings = read_directory(Source(file, text, tenant))
    assert findings == []
    return Directory(entries)


def wrong(file: str, text: str, tenant: str | None = None) -> list[tuple[int, int, str]]:
    """(line, column, message) of what is wrong with a file."""
    _, findings = read_directory(Source(file, text, tenant))
    return [(one.line, one.column, one.message) for one in findings]


def test_users_and_groups_of_yaml_say_the_same_two_ways() -> None:
    """A small office lists its groups, a large one its users."""
    directory = read(
        "d.yaml",
        HEAD
        + "domain: ACME.example\n"
        + "users:\n"
        + '  alice: {groups: [sales], role: owner, numbers: ["+4930123456", "201"]}\n'
        + "  bob@other.example: {groups: [reception]}\n"
        + "  carol: {}\n"
        + "groups:\n  reception: [alice, dave@other.example]\n",
    )
    assert directory.groups_of(ALICE) == ("reception", "sales")
    assert directory.role_of(ALICE) == "owner"
    assert directory.numbers_of(ALICE) == ("+4930123456", "201")
    assert directory.groups_of(Aor("bob", "other.example")) == ("reception",)
    assert directory.groups_of(Aor("dave", "other.example")) == ("reception",)
    assert Aor("carol", "acme.example") in directory


def test_csv_says_what_yaml_says() -> None:
    """Directories of many users are exported, not written; with a BOM and CRLF."""
    text = (
        f"\ufeff{CSV_HEADER}\r\nalice,Acme.Example,sales intl.x;A-b,owner,+4930123456 201\r\n\r\n"
        "bob,other.example,,,\r\n"
    )
    directory = read("d.CSV", text)
    assert directory.groups_of(ALICE) == ("A-b", "intl.x", "sales")
    assert directory.role_of(ALICE) == "owner"
    assert directory.user_of_number("201", "acme.example") == ALICE
    assert directory.role_of(Aor("bob", "other.example")) is None


def test_further_columns_are_attributes() -> None:
    """In any order; a file that has few columns is a file, too."""
    directory = read("d.csv", "zone,user,numbers,domain,manager\nX,alice,201,Acme.example, bob \n")
    assert directory.attributes_of(ALICE) == {"zone": "X", "manager": "bob"}
    assert directory.numbers_of(ALICE) == ("201",)
    assert directory.groups_of(ALICE) == ()


def test_yaml_has_attributes_of_each_user() -> None:
    """Not all of them have the same ones."""
    users = "users:\n  alice: {attributes: {zone: X}}\n  bob: {attributes: {manager: a}}\n  c: {}\n"
    directory = read("d.yaml", HEAD + "domain: acme.example\n" + users)
    assert directory.attributes_of(ALICE) == {"zone": "X"}
    assert directory.attributes_of(Aor("bob", "acme.example")) == {"manager": "a"}
    assert directory.attributes_of(Aor("c", "acme.example")) == {}


@pytest.mark.parametrize("column", ["group", "gruop", "rolle", "user-s"])
def test_a_column_that_looks_misspelt_is_an_attribute_and_a_warning(column: str) -> None:
    """Who meant it so loses nothing; who did not learns of it."""
    entries, (finding,) = read_directory(Source("d.csv", f"user,domain,{column}\na,b,x\n"))
    assert (finding.code, finding.severity) == ("policy_unknown_column", "warning")
    assert "is read as an attribute (did you mean" in finding.message
    assert Directory(entries).attributes_of(Aor("a", "b")) == {column: "x"}


def test_a_tenants_users_have_its_domain() -> None:
    """Nobody writes it twice."""
    assert ALICE in read("d.csv", f"{CSV_HEADER}\nalice,,,,\n", "acme.example")
    assert ALICE in read("d.yaml", HEAD + "users: {alice: {}}\n", "acme.example")


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("users: {al ice: {}}", 4, 9, "`al ice` is not a user, like `alice` or"),
        ("users: {alice: {}}", 4, 9, "user `alice` has no domain"),
        ("users: {alice@: {}}", 4, 9, "user `alice` has no domain"),
        ("users: {a@b/c: {}}", 4, 9, "`b/c` is not a domain"),
        (
            "users: {a@b: {groups: [x, 'a b']}}",
            4,
            27,
            "`a b` is not a name of at most 63 letters",
        ),
        (
            "users: {a@b: {role: 'ö'}}",
            4,
            21,
            "`ö` is not a name of at most 63 letters",
        ),
        ("users: {a@b: {numbers: ['+049']}}", 4, 25, "`+049` is not an E.164 number like"),
        ("users: {a@b: {numbers: [201]}}", 4, 25, "entry 1 of `numbers` must be text: put it"),
        ("users: {a@b: {group: [x]}}", 4, 15, "unknown key `group` (did you mean `groups`?)"),
        ("users: {a@b: {}, a@b: {}}", 4, 18, "key `a@b` appears twice, first on"),
        ("groups: {'a b': [a@b]}", 4, 10, "`a b` is not a name of at most 63 letters"),
        ("groups: {g: [a@b, carol]}", 4, 19, "user `carol` has no domain"),
        ("users: {a@b: {}, a@B: {}}", 4, 18, "user `sip:a@b` appears twice, also as `a@b`"),
        ("users: {a@b: {attributes: {role: x}}}", 4, 28, "an attribute cannot be called `role`"),
        ("users: {a@b: {attributes: {zone: ''}}}", 4, 34, "`zone` must not be empty"),
        ("users: {a@b: {attributes: {zone: 7}}}", 4, 34, "`zone` must be text: put it in quot"),
        ("grups: {}", 4, 1, "unknown key `grups` (did you mean `groups`?)"),
    ],
)
def test_findings_in_yaml_have_their_place(text: str, line: int, column: int, message: str) -> None:
    """Authors see where, and what is wanted."""
    ((at_line, at_column, said),) = wrong("d.yaml", f"{HEAD}{text}\n")
    assert (at_line, at_column) == (line, column)
    assert said.startswith(message)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("\ufeff\r\n", 1, 1, "file is empty; first line must be `user,domain,groups"),
        (
            ",domain",
            1,
            1,
            "first column is ``; a list begins with the column `entry`, a directory with"
            f" `{CSV_HEADER}`",
        ),
        ("Entry,why", 1, 1, "first column is `Entry` (did you mean `entry`?); a list begins"),
        ("user;domain;groups", 1, 1, "columns are separated by `;`; separate them by `,`"),
        ("entry;why", 1, 1, "columns are separated by `;`; separate them by `,`"),
        (
            "user,groups",
            1,
            1,
            f"first line has no column `domain`; write it like `{CSV_HEADER}`",
        ),
        ("user,domain,zone,zone", 1, 18, "two columns `zone`"),
        ("user,domain,number", 1, 13, "an attribute cannot be called `number` (did you mean"),
        ("user,domain,Zone", 1, 13, "`Zone` is not a name of an attribute: at most 31 letters"),
        ("user,domain,", 1, 13, "`` is not a name of an attribute"),
        ("user,domain," + ",".join(f"a{n}" for n in range(33)), 1, 1, "file has 33 attributes"),
        ("user,domain,a\na,b,x\ty", 2, 5, "`x�y` has unprintable"),
        (f"user,domain,a\na,b,{'x' * 513}", 2, 5, "attribute has 513 characters; at most 512"),
        (f"{CSV_HEADER}\na,b", 2, 1, "line has 2 fields, not 5"),
        (f'{CSV_HEADER}\na,b,"x y",,', 2, 5, '`"x y"` has a quote; no field needs quotes'),
        (f"{CSV_HEADER}\n,b,,,", 2, 1, "`` is not a user"),
        (f"{CSV_HEADER}\na,,,,", 2, 1, "user `a` has no domain"),
        (f"{CSV_HEADER}\na,b,x|y,,", 2, 5, "`x|y` is not a name of"),
        (f"{CSV_HEADER}\na,b,,two words,", 2, 6, "`two words` is not a name of"),
        (f"{CSV_HEADER}\na,b,,,201 49-30", 2, 7, "`49-30` is not an E.164 number"),
        (f"{CSV_HEADER}\na,b,,,\nA,b,,,\na,B,,,", 4, 1, "user `sip:a@b` appears twice, first"),
        (f"{CSV_HEADER}\na,b,{'x ' * (MAX_PER_USER + 1)},,", 2, 5, "user has 65 groups; at mo"),
    ],
)
def test_findings_in_csv_have_their_place(text: str, line: int, column: int, message: str) -> None:
    """Of 100,000 lines the author has to find one."""
    ((at_line, at_column, said),) = wrong("d.csv", text)
    assert (at_line, at_column) == (line, column)
    assert said.startswith(message)


@pytest.mark.parametrize("file", ["d.csv", "d.yaml"])
def test_a_tenant_cannot_speak_of_users_of_others(file: str) -> None:
    """A tenant that makes itself a member of another's groups is a break-in."""
    text = f"{CSV_HEADER}\na,b,,,\n" if file == "d.csv" else HEAD + "users: {a@b: {}}\n"
    ((_, _, message),) = wrong(file, text, "acme.example")
    assert message == "domain `b` is not this tenant's domain, `acme.example`"


def test_csv_files_are_bounded() -> None:
    """In bytes, and in findings: a wrong column is wrong in every line."""
    ((_, _, message),) = wrong("d.csv", "x" * (MAX_CSV_BYTES + 1))
    assert message == f"file has {MAX_CSV_BYTES + 1} bytes; at most {MAX_CSV_BYTES}"
    assert len(wrong("d.csv", CSV_HEADER + "\nx" * (2 * MAX_FINDINGS))) == MAX_FINDINGS
    lines = "".join(f"u{n},a,,,\n" for n in range(200_002))
    ((_, _, message),) = wrong("d.csv", f"{CSV_HEADER}\n{lines}")
    assert message == "file has more than 200000 users"


def test_attributes_of_a_domain_hold_for_each_of_its_users() -> None:
    """A tenant says its zone once; a user's own counts before it."""
    text = (
        "attributes: {zone: Europe/Berlin, manager: carol}\n"
        "users: {alice: {}, bob: {attributes: {zone: Europe/Rome}}}\n"
    )
    directory = read("acme/d.yaml", HEAD + text, "acme.example")
    assert directory.attributes_of(ALICE) == {"zone": "Europe/Berlin", "manager": "carol"}
    bob = Aor("bob", "acme.example")
    assert directory.attributes_of(bob) == {"zone": "Europe/Rome", "manager": "carol"}
    assert [one.user for one in directory.users()] == ["alice", "bob"]


def test_what_is_wrong_with_attributes_of_a_domain() -> None:
    """They need a domain, and names that attributes can have."""
    assert wrong("d.yaml", HEAD + "attributes: {zone: Europe/Berlin}\n") == [
        (4, 1, "`attributes` of all users of a domain need `domain`")
    ]
    text = HEAD + "domain: acme.example\nattributes: {Zone: a, user: b}\n"
    assert [message[:35] for _, _, message in wrong("d.yaml", text)] == [
        "`Zone` is not a name of an attribut",
        "an attribute cannot be called `user",
    ]
    assert wrong("t/d.yaml", HEAD + "domain: b.example\nattributes: {zone: x}\n", "a.example") == [
        (5, 1, "domain `b.example` is not this tenant's domain, `a.example`")
    ]
