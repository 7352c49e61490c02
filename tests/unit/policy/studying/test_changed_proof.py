"""What each changed file changes."""

from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.changed_proof import Changed, Side, changed_sites, prove_changed
from dfks_rules.policy.studying.site_proof import Late, never
from tests.helpers.policy import source

_LISTED = "- {id: r, when: {op: set, user: {in: {list: l}}}, then: {deny: no}}"
_ZONED = "- {id: r, when: {op: set, user.zone: x}, then: {deny: no}}"
_USERS = "user,domain,zone\nbob,a.example,{}\n"


def _side(rules: str, *beside: Source) -> Side:
    sources = [source(rules), *beside]
    return Side(sources, compile_policies(sources))


def _changed(old: Side, new: Side, late: Late = never) -> Changed:
    (changed,) = prove_changed(old, new, Horizon(), late=late)
    return changed


def test_a_list_is_compared_by_itself() -> None:
    """Also where rules have changed besides."""
    old = _side(_LISTED, Source("l.csv", "entry\na\n"))
    new = _side(_LISTED.replace("no}", "never}"), Source("l.csv", "entry\na\nb\n"))
    changed = _changed(old, new)
    assert changed.proof is not None
    assert not changed.is_beside
    assert {group.given["user"] for group in changed.proof.differences.groups} == {"b"}


def test_a_list_that_policies_cannot_do_without_is_not_told_apart() -> None:
    """There is nothing to compare with."""
    old, new = _side("[]"), _side(_LISTED, Source("l.csv", "entry\na\n"))
    assert _changed(old, new).proof is None


def test_what_takes_too_long_is_not_told_apart() -> None:
    """It is part of what is proved of the rules."""
    old = _side(_LISTED, Source("l.csv", "entry\na\n"))
    new = _side(_LISTED, Source("l.csv", "entry\nb\n"))
    assert _changed(old, new, late=lambda: True).proof is None


def test_an_attribute_that_only_the_new_rules_read_is_read_on_both_sides() -> None:
    """The site of the old ones does not keep it."""
    users = Source("u.csv", _USERS.format("x"))
    old, new = _side("[]", users), _side(_ZONED, users._replace(text=_USERS.format("x") + "\n"))
    one, other = changed_sites(old, new)
    assert one.directory.values_of("zone") == other.directory.values_of("zone") == {"x"}
    changed = _changed(old, new)
    assert changed.proof is not None
    assert (changed.is_beside, changed.proof.different, changed.proof.doubts) == (True, set(), [])


def test_a_directory_and_a_number_plan_are_compared_one_after_the_other() -> None:
    """So each is blamed for its own."""
    plan = "apiVersion: dfks/v1\nkind: NumberPlan\nmetadata: {name: n}\ncountry: "
    rules = f"{_ZONED}\n- {{id: s, when: {{op: set, target.country: FR}}, then: {{deny: no}}}}"
    old = _side(rules, Source("u.csv", _USERS.format("y")), Source("n.yaml", f"{plan}DE\n"))
    new = _side(rules, Source("u.csv", _USERS.format("x")), Source("n.yaml", f"{plan}FR\n"))
    users, numbers = prove_changed(old, new, Horizon())
    assert (users.file.name, numbers.file.name) == ("`u.csv`", "`n.yaml`")
    assert users.proof is not None
    assert numbers.proof is not None
    assert {group.key.new[1] for group in users.proof.differences.groups} >= {("p/r",)}
    assert all(group.key.new[1] != ("p/r",) for group in numbers.proof.differences.groups)
    assert numbers.proof.different
