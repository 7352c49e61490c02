"""Users, groups, roles and numbers, united from several files."""

import pickle

from dfks_rules.model.identity import Aor
from dfks_rules.policy.site.directory import (
    EVERYBODY,
    MAX_USERS,
    Directory,
    Entry,
    make_directory,
)
from dfks_rules.yaml.tree import Place

ALICE = Aor("alice", "acme.example")
BOB = Aor("bob", "acme.example")
FOREIGN = Aor("alice", "other.example")


def test_groups_and_numbers_of_several_entries_are_united() -> None:
    """HR exports one file, the PBX another."""
    directory = Directory(
        [
            Entry(ALICE, ("sales", "night"), None, ("201",)),
            Entry(ALICE, ("fax", "sales"), "owner", ("+4930123456", "201")),
        ]
    )
    assert directory.groups_of(ALICE) == ("fax", "night", "sales")
    assert directory.role_of(ALICE) == "owner"
    assert directory.numbers_of(ALICE) == ("201", "+4930123456")
    assert len(directory) == 1


def test_a_user_that_no_file_names_has_nothing() -> None:
    """Facts of strangers are absent, not an error."""
    empty = Directory()
    assert ALICE not in empty
    assert (empty.groups_of(ALICE), empty.role_of(ALICE)) == ((), None)
    assert empty.numbers_of(ALICE) == ()
    assert empty.user_of_number("201", "acme.example") is None


def test_numbers_are_looked_up_within_a_domain() -> None:
    """Two tenants have an extension 201; and neither can claim the other's number."""
    directory, findings = make_directory(
        [Entry(ALICE, numbers=("201", "+4930123456")), Entry(FOREIGN, numbers=("201",))]
    )
    assert findings == []
    assert directory.user_of_number("201", "acme.example") == ALICE
    assert directory.user_of_number("201", "other.example") == FOREIGN
    assert directory.user_of_number("+4930123456", "other.example") is None


ZONE = ("manager", "zone")


def test_members_of_a_group_are_those_of_one_domain() -> None:
    """Sorted, and the same tuple for who counts them; of a strange domain nothing is remembered."""
    directory = Directory([Entry(BOB, ("g",)), Entry(ALICE, ("g", "h")), Entry(FOREIGN, ("g",))])
    members = directory.members_of("acme.example", "g")
    assert members == ("alice", "bob")
    assert directory.members_of("acme.example", "g") is members
    assert directory.members_of("acme.example", "none") == ()
    assert directory.members_of("strange.example", "g") == ()
    assert directory.domains == {"acme.example", "other.example"}
    directory.add(("acme.example", {"carol": (("g",), None, ())}, {}, {}))
    assert directory.members_of("acme.example", "g") == ("alice", "bob", "carol")


def test_attributes_of_several_entries_are_united() -> None:
    """Each file has its own columns."""
    directory, findings = make_directory(
        [
            Entry(ALICE, columns=ZONE, cells=("bob", "")),
            Entry(ALICE, columns=ZONE, cells=("", "X")),
            Entry(ALICE, columns=("car",), cells=("blue",)),
            Entry(FOREIGN, columns=ZONE, cells=("carol", "")),
            Entry(BOB),
        ]
    )
    assert findings == []
    assert directory.attributes_of(ALICE) == {"manager": "bob", "zone": "X", "car": "blue"}
    assert directory.attribute_of(ALICE, "zone") == "X"
    assert directory.attribute_of(FOREIGN, "manager") == "carol"
    assert directory.attribute_of(FOREIGN, "zone") is None
    assert directory.attribute_of(BOB, "zone") is None
    assert directory.attributes_of(BOB) == {}


def test_attributes_that_nobody_reads_are_known_and_not_kept() -> None:
    """A hundred thousand users have many columns, of which policies read two."""
    entries = [Entry(ALICE, columns=ZONE, cells=("bob", "X"))]
    directory, _ = make_directory(entries, {"zone"})
    assert directory.attributes == {"manager", "zone"}
    assert directory.attributes_of(ALICE) == {"zone": "X"}


def test_an_attribute_that_differs_is_found() -> None:
    """As a role."""
    entries = [
        Entry(ALICE, columns=ZONE, cells=("bob", "")),
        Entry(ALICE, file="b.csv", columns=ZONE, cells=("carol", "X")),
    ]
    _, findings = make_directory(entries)
    assert [finding.message for finding in findings] == [
        "attribute `manager` of `sip:alice@acme.example` is `carol` here and `bob` elsewhere"
    ]


def test_a_directory_comes_whole_in_portions() -> None:
    """A server takes it from the process that checked it."""
    users = [Aor(f"u{n}", "acme.example") for n in range(7)]
    whole = Directory(
        Entry(one, ("g",), None, (str(n),), columns=ZONE, cells=("boss", str(n)))
        for n, one in enumerate(users)
    )
    portions = list(whole.portions(2))
    whole.clear()
    for portion in portions:
        assert all(len(part) <= 2 for part in portion[1:3])
        whole.add(portion)
    assert [whole.attribute_of(one, "zone") for one in users] == [str(n) for n in range(7)]
    assert whole.user_of_number("3", "acme.example") == users[3]
    assert (whole.groups_of(users[0]), len(whole)) == (("g",), 7)
    assert whole.attributes == set(ZONE)


def test_a_role_that_differs_is_found() -> None:
    """Which one holds must not depend on the order of files."""
    entries = [
        Entry(ALICE, role="owner", file="a.yaml", place=Place(3, 5)),
        Entry(ALICE, role="guest", file="b.csv", place=Place(7, 1)),
    ]
    _, findings = make_directory(entries)
    assert [str(finding) for finding in findings] == [
        "b.csv:7:1: role of `sip:alice@acme.example` is `guest` here and `owner` elsewhere "
        "[policy_inconsistent]"
    ]


def test_a_number_of_two_users_is_found() -> None:
    """Calls would go to either."""
    entries = [Entry(ALICE, numbers=("201",)), Entry(BOB, numbers=("201",), file="b.csv")]
    _, findings = make_directory(entries)
    assert [finding.message for finding in findings] == [
        "number `201` already belongs to `sip:alice@acme.example`"
    ]


def test_more_users_than_the_limit_are_found() -> None:
    """Memory is bounded."""
    entries = [Entry(Aor(str(n), "a.example"), file="big.csv") for n in range(MAX_USERS + 1)]
    _, findings = make_directory(entries)
    assert [finding.code for finding in findings] == ["policy_limit"]


def test_a_directory_can_be_pickled() -> None:
    """Policies are compiled in a child process."""
    copy = pickle.loads(pickle.dumps(Directory([Entry(ALICE, ("sales",), numbers=("201",))])))  # noqa: S301 - our own bytes
    assert copy.groups_of(ALICE) == ("sales",)
    assert copy.user_of_number("201", "acme.example") == ALICE


def test_members_of_a_directory_that_came_in_portions_are_the_same() -> None:
    """They are noted as users come, since to look for them holds up phones."""
    entries = [
        Entry(Aor(f"u{n % 7}", "a.example"), (f"g{n % 3}", "all"), None, ()) for n in range(30)
    ]
    directory, _ = make_directory(entries)
    came = Directory()
    for portion in directory.portions(2):
        came.add(portion)
    for group in ("g0", "g1", "g2", "all", "none"):
        assert came.members_of("a.example", group) == directory.members_of("a.example", group)
    assert len(came.members_of("a.example", "all")) == 7


def _of_all(domain: str, **said: str) -> Entry:
    return Entry(Aor(EVERYBODY, domain), columns=tuple(said), cells=tuple(said.values()))


def test_what_is_said_of_everybody_holds_for_all_users_of_the_domain() -> None:
    """In whichever file they are, in whichever order; their own values count before it."""
    directory, findings = make_directory(
        [
            _of_all("acme.example", zone="Europe/Berlin"),
            Entry(ALICE, columns=("zone",), cells=("Europe/Rome",)),
            Entry(ALICE, columns=ZONE, cells=("carol", "")),
            Entry(BOB, columns=ZONE, cells=("carol", "")),
            Entry(FOREIGN),
            _of_all("acme.example", zone="Europe/Berlin"),
            _of_all("nobody.example", zone="Europe/Paris"),
        ],
        ["zone"],
    )
    assert findings == []
    zones = [directory.attribute_of(one, "zone") for one in (ALICE, BOB, FOREIGN)]
    assert zones == ["Europe/Rome", "Europe/Berlin", None]
    assert directory.attributes_of(ALICE) == {"zone": "Europe/Rome"}
    assert directory.values_of("zone") == {"Europe/Rome", "Europe/Berlin"}
    assert directory.attributes == {"zone", "manager"}
    assert len(directory) == 3
    assert directory.domains == {"acme.example", "other.example"}


def test_a_value_that_nobody_takes_is_none_of_the_directory() -> None:
    """Else rules would have an alternative for a zone without users."""
    of_all = _of_all("acme.example", zone="Europe/Berlin")
    directory = Directory([Entry(ALICE, columns=("zone",), cells=("Europe/Rome",)), of_all])
    assert directory.values_of("zone") == {"Europe/Rome"}


def test_two_files_may_not_say_different_things_of_everybody() -> None:
    """Only of what a policy reads, as with users."""
    files = [_of_all("acme.example", zone=zone) for zone in ("Europe/Berlin", "Europe/Rome")]
    (finding,) = make_directory(files, ["zone"])[1]
    assert finding.code == "policy_inconsistent"
    assert finding.message == (
        "attribute `zone` of all users of `acme.example` is `Europe/Rome` here and "
        "`Europe/Berlin` elsewhere"
    )
    assert make_directory(files, [])[1] == []
