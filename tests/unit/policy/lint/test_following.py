"""How many sets can follow from one; tests/property/test_policy_following.py holds the bound."""

import time

from dfks_rules.model.identity import Aor
from dfks_rules.policy.lint.following import many_follow
from dfks_rules.policy.lint.ranked import ranked
from dfks_rules.policy.reading.check import check
from dfks_rules.policy.site.directory import Directory, Entry
from tests.helpers.policy import source


def most(rules: str, limit: int = 0) -> list[str]:
    """The numbers that are told."""
    checked, findings, _ = check([source(rules)])
    assert findings == []
    found = many_follow(ranked(checked), most=limit)
    return [one.message.split(" ")[2] for one in found]


def rule(name: str, when: str, *also: str) -> str:
    """A rule about DoNotDisturb; each set that follows is of a user."""
    sets = ", ".join(f"{{feature: DoNotDisturb, user: '{user}', status: request}}" for user in also)
    when = f"{{op: set, feature: DoNotDisturb{when}}}"
    return f"- {{id: {name}, when: {when}, then: {{also: [{sets}]}}}}"


def test_users_that_templates_name_multiply() -> None:
    """One key press held a server for minutes."""
    sets = [f"${{user}}-{n}" for n in range(20)]
    rules = "\n".join(rule(f"r{n}", "", *(f"{one}-{n}" for one in sets)) for n in range(3))
    assert most(rules) == ["219,660"]


def test_members_of_a_group_count() -> None:
    """Each but the one that is asked for; wherever there are some, though no rule names them."""
    rules = "- {id: r, when: {op: set}, then: {also: [{feature: AgentState, group: g, status: 1}]}}"
    checked, _, _ = check([source(rules)])

    def told(*users: str) -> list[str]:
        entries = [Entry(Aor(*user.split("@")), ("g",)) for user in users]
        found = many_follow(ranked(checked), Directory(entries), most=1)
        return [one.message.split(" ")[2] for one in found]

    assert told("a@a.example", "b@a.example", "c@b.example") == ["2"]
    assert told("a@a.example") == []
    named, _, _ = check([source(rules, "scope: {domain: b.example, user: [a, x]}")])
    found = many_follow(
        ranked(named),
        Directory(Entry(Aor(name, "b.example"), ("g",)) for name in "abcd"),
        most=0,
    )
    assert [one.message.split(" ")[2] for one in found] == ["4"]


def test_nobody_is_set_twice() -> None:
    """Ten phones that mirror each other: nine follow."""
    users = [f"p{n}" for n in range(10)]
    assert most(rule("r", f", user: [{', '.join(users)}]", *users)) == ["9"]
    assert most(rule("r", "", "${user}")) == []


def test_users_that_only_also_names_are_told_apart() -> None:
    """Who is set need not be named by a condition."""
    rules = (
        "- {id: r, when: {op: set}, then: {also: [{feature: DoNotDisturb, status: 0}, "
        "{feature: CallForwardingBusy, status: 0, user: u0}]}}"
    )
    assert most(rules) == ["3"]


def test_a_template_names_one_of_many_bosses_not_all() -> None:
    """Each boss has a secretary; only one of them follows."""
    bosses = [rule(f"r{n}", f", user: boss-{n}", f"sec-{n}") for n in range(100)]
    rules = "\n".join([*bosses, rule("desk", ", user: desk", "${watcher.user}")])
    assert max(map(int, most(rules))) == 3


def test_rules_for_different_users_do_not_add_up() -> None:
    """A hundred bosses have a hundred secretaries, each one."""
    rules = "\n".join(rule(f"r{n}", f", user: boss-{n}", f"sec-{n}") for n in range(100))
    assert most(rules) == ["1"] * 100
    assert most(rules, 1) == []


def test_rules_that_take_other_origins_end_it() -> None:
    """Nor does a set that follows come from a phone."""
    sets = ("${user}-1", "${user}-2")
    assert most(rule("r", "", *sets)) == ["14"]
    for test in (", origin: {ne: internal}", ", watcher: {exists: true}", ", userAgent: {has: x}"):
        assert most(rule("r", test, *sets)) == ["2"]


def test_what_follows_in_another_domain_counts() -> None:
    """A chain over three users is three deep, and no deeper."""
    rules = "\n".join(rule(f"r{n}", f", user: u{n}", f"u{n + 1}") for n in range(6))
    assert most(rules) == ["3", "3", "3", "3", "2", "1"]


def test_a_user_that_only_also_names_is_not_the_one_who_asks() -> None:
    """Else what follows for both counts once."""
    rules = """
- {id: a, when: {op: set}, then: {also: [{feature: DoNotDisturb, status: 1, user: u0}]}}
- {id: b, when: {op: set}, then: {also: [{feature: CallForwardingBusy, status: 1}]}}"""
    assert most(rules) == ["3"]
    rules = rules.replace("user: u0", "domain: B.example")
    assert most(rules) == ["3"]


def test_thousands_of_rules_take_a_moment() -> None:
    """Time grows with the number of rules."""
    rules = "\n".join(
        rule(f"r{n}", f", user: boss-{n}, domain: d{n % 50}.example", f"sec-{n}", "${user}-x")
        for n in range(500)
    )
    start = time.process_time()
    checked, _, _ = check([source(rules)])
    ready = time.process_time()
    list(many_follow(ranked(checked), most=3))
    assert time.process_time() - ready < 10 * max(1, ready - start)
