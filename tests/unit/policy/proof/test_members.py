"""Sets that follow for a group: proved alike where nobody is in it, and shown where somebody is."""

import pytest

from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.proof.members import MAX_HOSTS, Members
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.proof.space import Cell
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.site.directory import Directory, make_directory
from dfks_rules.policy.studying.proved import Proof, prove_alike
from tests.helpers.policy import source

_USERS = "user,domain,groups\nann,a.example,desk\nben,a.example,desk\ncat,b.example,desk\n"
_OTHERS = """
- {id: x, when: {op: set, feature: DoNotDisturb, domain: c.example}, then: {notify: false}}
- {id: y, when: {op: set, feature: DoNotDisturb, user: [u1, u2, u3]}, then: {notify: others}}
"""
_ALSO = """
- id: follow
  when: {op: set, feature: DoNotDisturb, origin: watcher}
  then: {also: [{feature: DoNotDisturb, status: request, group: %s}]}
"""


def _without(group: str, users: str = _USERS) -> Proof:
    """What is proved of rules with and without sets that follow for a group."""
    old, new = (
        compile_policies([source(rules), Source("users.csv", users)])
        for rules in (_ALSO % group + _OTHERS, _OTHERS)
    )
    return prove_alike(old, new, Horizon())


def test_a_group_that_follows_no_more_is_shown_in_a_domain_where_it_has_members() -> None:
    """No rule names that domain; in one that rules name it may have none."""
    proof = _without("desk")
    assert proof.doubts == []
    assert proof.groups
    assert {group.old.also[0].presentity.domain for group in proof.groups} == {"a.example"}


def test_a_group_that_nobody_is_in_makes_no_difference() -> None:
    """Nothing follows for it, whoever sets what."""
    assert _without("nobody").is_whole


def test_a_group_of_one_is_shown_by_the_set_of_somebody_else() -> None:
    """Nothing follows a set of the only member."""
    proof = _without("desk", "user,domain,groups\ncat,b.example,desk\n")
    assert proof.doubts == []
    assert {group.old.also[0].presentity.user for group in proof.groups} == {"cat"}


def _members(*domains: str) -> Members:
    lines = [f"u{number},{domain},desk" for number, domain in enumerate(domains)]
    text = "\n".join(["user,domain,groups", *lines, ""])
    compiled = compile_policies([source(_ALSO % "desk"), Source("users.csv", text)])
    return Members([compiled.site.directory])


@pytest.mark.parametrize(
    ("cell", "hosts"),
    [
        (Cell(None), {"a", "b"}),
        (Cell(None, frozenset({"a"})), {"b"}),
        (Cell("a", frozenset({"a"})), set()),
    ],
)
def test_domains_are_tried_that_no_rule_names(cell: Cell, hosts: set[str]) -> None:
    """Each that a rule names is a case of its own."""
    rules = compile_policies([source(_ALSO % "desk")]).rules
    assert _members("b", "a", "a").hosts(rules, cell) == hosts


def test_few_domains_are_tried_and_those_with_the_most_members() -> None:
    """Thousands of tenants may have a group of the same name."""
    rules = compile_policies([source(_ALSO % "desk")]).rules
    domains = [f"t{number}.example" for number in range(20)]
    hosts = _members(*domains, "t7.example").hosts(rules, Cell(None))
    assert len(hosts) == MAX_HOSTS
    assert "t7.example" in hosts


def test_rules_stay_the_same_objects_where_members_are() -> None:
    """So nothing is compared that is in both sets."""
    rules = compile_policies([source(_ALSO % "desk")]).rules
    assert _members("a").without_empty(rules, Cell("a"))[0] is rules[0]
    assert _members("a").without_empty(rules, Cell("b"))[0].effects.also == ()
    empty = Members([Directory(), make_directory([])[0]])
    assert empty.without_empty(rules, Cell(None))[0].effects.also == ()
