"""Files → what a policy set is made of, as values."""

import pickle

import pytest

from dfks_rules.errors import PolicyError
from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.deciding.matching import Shards
from dfks_rules.policy.deciding.policy_set import PolicySet, load
from tests.helpers.policy import NOON, get, set_, source


def test_a_set_lists_its_files_in_the_order_given() -> None:
    """Operators ask which policies are in force."""
    rules = "- id: r\n  then: {status: 1}\n"
    files = [source(rules, "band: default", "b"), source(rules, "mode: 'off'", "a")]
    assert load(files).policies == (("b.yaml", "b", 1), ("a.yaml", "a", 0))


def test_all_findings_are_raised_in_order_of_place() -> None:
    """One round for an author."""
    broken = "- id: r\n  when: {x: 1}\n  then: {status: on}\n"
    with pytest.raises(PolicyError) as caught:
        load([source(broken, name="b"), source(broken, name="a")])
    assert [(one.file, one.line) for one in caught.value.findings] == [
        ("a.yaml", 6),
        ("a.yaml", 7),
        ("b.yaml", 6),
        ("b.yaml", 7),
    ]
    assert str(caught.value).splitlines()[0] == (
        "a.yaml:6:12: unknown fact `x` [policy_unknown_fact]"
    )


def test_revision_is_of_the_content_alone() -> None:
    """Nodes with other paths agree; a changed comment is another revision."""
    one = source("- id: r\n  then: {status: 1}\n")
    revision = load([one]).revision
    assert revision == load([one._replace(file="/elsewhere/p.yaml")]).revision
    assert revision != load([one._replace(text=one.text + "# more\n")]).revision
    assert (len(revision), int(revision, 16) >= 0) == (12, True)
    assert load([one]).decide(get(), NOTHING_STORED, NOON).revision == revision


def test_revision_knows_whose_a_file_is() -> None:
    """The same text decides about another domain when it is moved to another tenant."""
    one = source("- id: r\n  then: {status: 1}\n")
    owned = [one._replace(tenant=name) for name in (None, "a.example", "b.example")]
    assert len({compile_policies([each]).revision for each in owned}) == 3


def test_compiled_policies_decide_the_same_in_another_process() -> None:
    """They are made in one and used in another."""
    rules = """
    - id: glob
      when: {op: get, user: {glob: "al*"}}
      then: {status: 1}
    - id: net
      when: {op: set, source.ip: {cidr: 10.0.0.0/8}}
      unless: {user: [bob, carol]}
      then: {deny: {reason: no, answer: reject-403}}
    """
    compiled = compile_policies([source(rules)])
    arrived = pickle.loads(pickle.dumps(compiled))  # noqa: S301 - our own
    shards = Shards()
    sent = PolicySet(arrived, shards, [shards.take(plan) for plan in arrived.sharding.shards])
    own = load([source(rules)])
    for request in (get(), set_()):
        assert sent.decide(request, NOTHING_STORED, NOON) == own.decide(
            request, NOTHING_STORED, NOON
        )
