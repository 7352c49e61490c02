"""What else policies look at: only what a rule reads is counted."""

from collections.abc import Iterator

import pytest

from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.model.gets import Got, Result
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked, GroupCounts
from dfks_rules.policy.deciding.policy_set import PolicySet, load
from dfks_rules.policy.reading.source import Source
from dfks_rules.service.around import Around
from dfks_rules.service.features import Features
from dfks_rules.service.feed import Feed
from dfks_rules.service.latest import Latest
from tests.helpers.policy import ALICE, BOB, CFA, DND, NOON, ON, PHONE, source, subscribe
from tests.helpers.stores import SlowStore

CAROL = Aor("carol", "example.com")
USERS = Source(
    "users.csv",
    "user,domain,groups\n" + "".join(f"{name},example.com,desk\n" for name in ("alice", "bob")),
)
RULES = """
- id: one-is-there
  when: {feature: DoNotDisturb, group.desk.DoNotDisturb.off: {le: 1}}
  then: {deny: last-one, log: "${group.desk.DoNotDisturb.off} are there"}
- id: somebody-is-busy
  when: {op: subscribe, group.desk.DoNotDisturb.on: 1}
  then: {allow: true}
"""


@pytest.fixture
def policies() -> Iterator[PolicySet]:
    """Rules that count the members of a group of two."""
    opened = load([source(RULES), USERS])
    yield opened
    opened.close()


def test_what_no_rule_reads_is_not_counted() -> None:
    """All requests share what there is."""
    store, plain = SlowStore(), load([source("- {id: r, when: {op: set}, then: {log: x}}"), USERS])
    around = Around(store, plain, Feed(), Latest(store), {})
    assert around.of_get(plain) is around.of_get(plain)
    assert around.of_admission(plain).groups is None
    plain.close()


def test_a_count_that_only_a_line_to_log_reads_is_counted() -> None:
    """As one that a condition reads."""
    rules = '- {id: r, when: {op: set}, then: {log: "${group.desk.DoNotDisturb.on} are busy"}}'
    some = load([source(rules), USERS])
    store = SlowStore()
    around = Around(store, some, Feed(), Latest(store), {})
    assert around.of_get(some).groups is not None
    some.close()


def test_sets_gets_and_subscriptions_are_decided_by_what_is_stored_for_the_group(
    policies: PolicySet,
) -> None:
    """The last one at the desk cannot leave; what is fetched first changes nothing."""
    store, told = SlowStore(), list[Result]()
    store.kept[BOB] = NOTHING_STORED.replace(DND, ON)
    store.unknown = {BOB}
    features = Features(store, policies, Feed())

    def tell(result: Result, _now: float) -> None:
        told.append(result)

    features.set(ALICE, [Asked(DND, ON)], PHONE, NOON, 0.0, tell)
    features.set(ALICE, [Asked(CFA, ON)], PHONE, NOON, 0.0, tell)
    store.settle_all()
    features.get(ALICE, PHONE, NOON, 0.0, tell)
    store.kept[BOB] = NOTHING_STORED
    features.changed_elsewhere(BOB)
    features.set(ALICE, [Asked(DND, ON)], PHONE, NOON, 0.0, tell)
    store.settle_all()
    denied, forwarded, got, allowed = told
    assert isinstance(denied, tuple)
    assert isinstance(forwarded, tuple)
    assert isinstance(got, Got)
    assert isinstance(allowed, tuple)
    assert denied[0].decision.denial is not None
    assert denied[0].decision.logs == ("1 are there",)
    assert forwarded[0].decision.denial is None
    assert got.outcomes[0].decision.denial is not None
    assert allowed[0].decision.denial is None
    strange = PHONE._replace(watcher=CAROL)
    assert features.admit(ALICE, strange, NOON, 0.0).denial is None
    assert features.try_set(ALICE, [Asked(DND, ON)], PHONE, NOON)[0].decision.denial is not None
    assert features.look(ALICE, [DND], PHONE, NOON)


def test_one_request_sees_one_count() -> None:
    """What is logged is what it was decided on."""
    counted = [(2, 0), (1, 1)]
    groups = GroupCounts(lambda *_: counted.pop(0))
    assert groups.of("a.example", "g", DND) == groups.of("a.example", "g", DND) == (2, 0)
    assert groups.seen == {("a.example", "g", DND): (2, 0)}
    assert groups.of("a.example", "g", CFA) == (1, 1)
    assert subscribe().feature is None
