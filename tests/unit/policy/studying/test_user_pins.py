"""Users of whom something else is said, as facts that are pinned."""

from dfks_rules.model.features import Feature
from dfks_rules.model.requests import Operation
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.language.document import AllOf
from dfks_rules.policy.language.matchers import Atom
from dfks_rules.policy.proof.differing import Model
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.site_pins import Change
from dfks_rules.policy.studying.user_pins import user_change
from tests.helpers.policy import source

_HEAD = "user,domain,groups,role\n"
_SET = Operation.SET, Feature.DO_NOT_DISTURB


def _change(when: str, old: str, new: str) -> Change:
    rules = source(f"- {{id: r, when: {{op: set, {when}}}, then: {{deny: no}}}}")
    one, other = (compile_policies([rules, Source("u.csv", _HEAD + text)]) for text in (old, new))
    return user_change(other.rules, one.site, other.site)


def test_users_of_whom_the_same_has_changed_have_one_pin() -> None:
    """In requests about their domain."""
    users = "ann,a.example,{0},\nbob,a.example,{0},\ncat,b.example,x,\n"
    change = _change("groups: {has: [guests, x]}", users.format("x"), users.format("guests"))
    before, after = change.pins(_SET, "a.example")
    where = AllOf(
        (Atom("domain", "eq", "a.example"), Atom("user", "in", frozenset({"ann", "bob"})))
    )
    assert [(pin.where, pin.facts) for pin in before] == [(where, {"groups": ("x",)})]
    assert [(pin.where, pin.facts) for pin in after] == [(where, {"groups": ("guests",)})]
    assert change.pins(_SET, None) == change.pins(_SET, "b.example") == ([], [])
    assert (change.domains, change.is_any) == (frozenset({"a.example"}), True)


def test_groups_that_no_rule_asks_for_are_no_change() -> None:
    """Unless a rule asks for any group there is."""
    old, new = "ann,a.example,x,\n", "ann,a.example,y,\n"
    assert not _change("groups: {has: guests}", old, new).is_any
    assert _change("groups: {sameAs: watcher.groups}", old, new).is_any
    assert _change("groups: {exists: true}", old, new).is_any


def test_watchers_take_part_in_requests_about_any_domain() -> None:
    """Targets only in those about their own."""
    old, new = "ann,a.example,,x\n", "ann,a.example,,y\n"
    assert len(_change("watcher.role: x", old, new).pins(_SET, None)[0]) == 1
    target = _change("target.role: x", old, new)
    assert len(target.pins(_SET, "a.example")[0]) == 1
    assert target.pins(_SET, None) == ([], [])


def test_a_request_is_freed_of_what_directories_say_of_changed_users_only() -> None:
    """A target that has changed is named, so that both sites say what it is."""
    change = _change("role: x, watcher.role: x, target.role: x", "ann,a.example,,x\n", "")
    model: Model = {
        "user": "ann",
        "domain": "a.example",
        "role": "q",
        "watcher.user": "bob",
        "watcher.domain": "a.example",
        "watcher.role": "q",
    }
    assert change.free(model) == {key: model[key] for key in model if key != "role"}
    target: Model = {"target.kind": "internal", "target.user": "ann", "target.domain": "a.example"}
    asked: Model = {"request.forwardTo": "a", "target.role": "q", **target}
    assert change.free(asked) == {"request.forwardTo": "sip:ann@a.example"}
