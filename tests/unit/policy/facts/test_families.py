"""Facts that authors name: what a directory says about people."""

import re

import pytest

from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import GroupCounts, Operation, Origin, Requester
from dfks_rules.policy.facts.facts import FACTS, known_fact
from dfks_rules.policy.facts.families import (
    FAMILIES,
    RESERVED,
    attribute_in,
    attributes_in,
    count_meant,
    counts_seen,
    fact_of_a_family,
    facts_of_people,
    group_in,
    reads_counts,
)
from dfks_rules.policy.facts.given import given_of, view_of
from dfks_rules.policy.facts.view import NOWHERE, View
from dfks_rules.policy.site.directory import Directory, Entry
from dfks_rules.policy.site.number_plan import NumberPlan
from dfks_rules.policy.site.site import make_site
from tests.helpers.policy import ALICE, OPERATOR, get

COLUMNS = ("manager", "zone")
ANNA, VM = Aor("anna", ALICE.domain), Aor("vm", ALICE.domain)
SITE = make_site(
    Directory(
        [
            Entry(ALICE, columns=COLUMNS, cells=("boss", "")),
            Entry(ANNA, columns=COLUMNS, cells=("alice", "Europe/Berlin")),
            Entry(VM, columns=COLUMNS, cells=("", "Asia/Tokyo")),
        ]
    ),
    NumberPlan(),
)
VIEW = view_of(
    {
        "op": "set",
        "feature": "CallForwardingAlways",
        "request.status": 1,
        "request.forwardTo": f"sip:vm@{ALICE.domain}",
        "presentity": ALICE.uri,
        "watcher": ANNA.uri,
    }
)._replace(site=SITE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("user.manager", "boss"),
        ("user.zone", None),
        ("user.none", None),
        ("watcher.manager", "alice"),
        ("watcher.zone", "Europe/Berlin"),
        ("target.manager", None),
        ("target.zone", "Asia/Tokyo"),
    ],
)
def test_attributes_are_those_of_whom_they_name(name: str, value: str | None) -> None:
    """Of the presentity, of who asks, and of whom calls go to."""
    assert known_fact(name).read(VIEW) == value


def test_attributes_of_nobody_are_absent() -> None:
    """An operator watches nothing, and a number outside is no user."""
    operator = View(get(requester=OPERATOR), VIEW.snapshot, VIEW.at, site=SITE)
    assert known_fact("watcher.zone").read(operator) is None
    assert known_fact("target.zone").read(operator) is None
    internal = operator._replace(request=get(requester=Requester(Origin.INTERNAL)))
    assert known_fact("user.manager").read(internal) == "boss"


def test_a_case_may_give_attributes() -> None:
    """They hold as given, and are told with the other facts."""
    given = {"op": "subscribe", "user.manager": "x", "watcher.zone": "y", "target.zone": "z"}
    view = view_of(given)
    assert known_fact("user.manager").read(view) == "x"
    assert known_fact("watcher.zone").read(view) == "y"
    assert known_fact("target.zone").read(view) is None, "a subscription has no target"
    assert given_of(view)["user.manager"] == "x"
    operator = view_of({**given, "origin": "operator"})
    assert known_fact("watcher.zone").read(operator) is None


def test_all_that_is_known_of_people_is_in_the_facts_of_a_request() -> None:
    """A decision log has to repeat the decision when the directory says something else."""
    assert facts_of_people(VIEW) == {
        "user.manager": "boss",
        "watcher.manager": "alice",
        "watcher.zone": "Europe/Berlin",
        "target.zone": "Asia/Tokyo",
    }
    again = view_of(given_of(VIEW))
    assert given_of(again) == given_of(VIEW)


@pytest.mark.parametrize(
    "name",
    [
        *FACTS,
        *(f"user.{name}" for name in RESERVED),
        *("user.Zone", "user.a.b", "user.", "x.zone"),
        *("user.zone\n", "user." + "x" * 32, "userzone"),
    ],
)
def test_names_of_the_table_and_misshapen_ones_are_no_attributes(name: str) -> None:
    """A fact has one meaning."""
    assert fact_of_a_family(name) is None
    assert attribute_in(name) is None


def counted(off: int, on: int) -> View:
    """A request in whose surroundings so many members are counted."""
    groups = GroupCounts(lambda domain, *_: (off, on) if domain == ALICE.domain else None)
    return VIEW._replace(around=NOWHERE._replace(groups=groups))


def test_counts_are_those_of_the_presentitys_domain() -> None:
    """A group may have dots in its name."""
    view = counted(3, 1)
    assert known_fact("group.desk.DoNotDisturb.off").read(view) == 3
    assert known_fact("group.a.b.CallForwardingAlways.on").read(view) == 1
    assert known_fact("group.desk.DoNotDisturb.off").read(VIEW) is None
    elsewhere = view.request._replace(presentity=Aor("x", "other.example"))
    assert known_fact("group.desk.DoNotDisturb.off").read(view._replace(request=elsewhere)) is None


def test_counts_that_were_looked_at_are_in_the_facts_of_a_request() -> None:
    """And hold when the decision is repeated."""
    view = counted(3, 1)
    assert counts_seen(view) == counts_seen(VIEW) == {}
    known_fact("group.desk.DoNotDisturb.off").read(view)
    both = {"group.desk.DoNotDisturb.off": 3, "group.desk.DoNotDisturb.on": 1}
    assert counts_seen(view) == both
    again = view_of(given_of(view))
    assert known_fact("group.desk.DoNotDisturb.on").read(again) == 1


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("group.desk.DoNotDisturb.off", "desk"),
        ("group.a.b.AgentState.on", "a.b"),
        ("group.desk.DoNotDisturb", None),
        ("group.desk.Dnd.off", None),
        ("group..DoNotDisturb.off", None),
        ("group.a b.DoNotDisturb.off", None),
        ("groups", None),
    ],
)
def test_counts_name_a_group_and_a_feature(name: str, group: str | None) -> None:
    """Otherwise they are unknown facts."""
    assert group_in(name) == group
    assert (fact_of_a_family(name) is None) == (group is None)
    assert reads_counts([name]) == name.startswith("group.")


def test_families_name_their_example() -> None:
    """The documentation writes `NAME` where an author writes a name."""
    for family in FAMILIES:
        name = family.written.replace("NAME", "zone").replace("FEATURE", "DoNotDisturb")
        assert re.search(family.pattern, name)
        assert family.fact(name).name == name
        assert family.example.read(VIEW) is None
        assert family.example.kind is family.kind
        assert family.operations <= set(Operation)


def test_attributes_that_a_text_reads_are_found_in_it() -> None:
    """Whatever it writes around them; too many do no harm."""
    text = 'when: {user: {sameAs: watcher.manager}}\nlog: "${user.voicemail} ${vars.x} target.zone"'
    assert attributes_in(text) == {"manager", "voicemail", "zone"}
    assert attribute_in("target.zone") == "zone"


def test_a_count_of_a_misspelt_feature_has_one_that_is_meant() -> None:
    """Engineers say DND."""
    assert count_meant("group.sales.DND.off") == "group.sales.DoNotDisturb.off"
    assert count_meant("group.night.shift.agentstate.on") == "group.night.shift.AgentState.on"
    assert count_meant("group.sales.xyzzy.off") is None
    assert count_meant("user.manager") is None
