"""From files to decisions."""

from itertools import product
from typing import cast

import pytest

from dfks_rules.errors import DfksError, PolicyError
from dfks_rules.model.decisions import DenialAnswer
from dfks_rules.model.features import NOTHING_STORED, Feature, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import FeatureRequest, Operation, Origin, Requester
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.deciding.matching import Shards
from dfks_rules.policy.deciding.policy_set import (
    MAX_ENGINE_FAILURES,
    MAX_REMEMBERED,
    PolicySet,
    load,
)
from dfks_rules.policy.facts.view import View
from tests.helpers.policy import (
    ALICE,
    BOB,
    CFA,
    DND,
    NOON,
    ON,
    OPERATOR,
    PHONE,
    decide,
    get,
    policies,
    set_,
    source,
    subscribe,
)
from tests.helpers.states import TOLD, forwarding

BY_BOB = Requester(Origin.WATCHER, BOB)


def status_by(*sources: tuple[str, str]) -> str:
    """Name of the policy that decides, of policies (name, head) in this order."""
    rules = "- id: r\n  when: {op: get}\n  then: {status: 1}\n"
    policy_set = load([source(rules, head, name) for name, head in sources])
    return policy_set.decide(get(), NOTHING_STORED, NOON).decided_by["status"]


def test_no_files_are_a_policy_set_that_keeps_what_was_set() -> None:
    """An empty directory must not stop the server."""
    policy_set = load([])
    asked = forwarding(True, "sip:bob@example.com")
    assert policy_set.decide(set_(CFA, asked), NOTHING_STORED, NOON).state == asked
    assert policy_set.decide(subscribe(), NOTHING_STORED, NOON).denial is None


def test_bands_come_before_priorities_and_these_before_files() -> None:
    """The order that an author can remember."""
    assert status_by(("a", ""), ("b", "")) == "a/r"
    assert status_by(("a", ""), ("b", "priority: 501")) == "b/r"
    assert status_by(("a", "priority: 999"), ("b", "band: mandatory\npriority: 0")) == "b/r"
    assert status_by(("a", "band: default\npriority: 999"), ("b", "priority: 0")) == "b/r"
    assert status_by(("a", ""), ("b", "priority: 500")) == "a/r"


def test_a_policy_that_is_off_is_checked_and_decides_nothing() -> None:
    """An author can park a file."""
    rules = "- id: r\n  then: {deny: no}\n"
    assert decide(rules, get(), head="mode: 'off'").matched == ()
    one_off = "- {id: a, mode: 'off', then: {deny: a}}\n- {id: b, mode: shadow, then: {deny: b}}\n"
    decision = decide(one_off + "- {id: c, then: {status: 1}}\n", get())
    assert (decision.matched, decision.shadow, decision.denial) == (("p/b", "p/c"), ("p/b",), None)
    with pytest.raises(PolicyError, match="unknown fact"):
        decide("- id: r\n  when: {x: 1}\n  then: {deny: no}\n", get(), head="mode: 'off'")


def test_remembered_plans_depend_on_all_facts_that_rules_read() -> None:
    """What was decided for one phone must not be told to another."""
    policy_set = policies("- id: r\n  when: {userAgent: {has: Lobby}}\n  then: {assigned: false}\n")
    lobby = PHONE._replace(user_agent="Lobby phone")
    for _ in range(2):
        assert not policy_set.decide(get(requester=lobby), NOTHING_STORED, NOON).assigned
        assert policy_set.decide(get(requester=PHONE), NOTHING_STORED, NOON).assigned


def test_remembered_plans_depend_on_the_time_where_rules_read_it() -> None:
    """A rule about the night must begin to hold."""
    policy_set = policies("- id: r\n  when: {time: {ge: 12:01}}\n  then: {status: 1}\n")
    later = NOON.replace(minute=1)
    states = [policy_set.decide(get(), NOTHING_STORED, at).state.status for at in (NOON, later)]
    assert states == [False, True]


def test_remembered_decisions_depend_on_what_is_asked_and_stored() -> None:
    """One plan, many states."""
    policy_set = policies("- id: r\n  when: {op: set}\n  then: {notify: others}\n")
    on, off = NOTHING_STORED.replace(DND, ON), NOTHING_STORED
    told = [policy_set.decide(get(), snapshot, NOON).state.status for snapshot in (on, off, on)]
    assert told == [True, False, True]
    asked = [ON, FeatureState(), ON]
    assert [policy_set.decide(set_(DND, one), off, NOON).state for one in asked] == asked


def test_equal_requests_get_the_very_same_decision() -> None:
    """The hot path builds nothing."""
    policy_set = policies("- id: r\n  when: {op: get}\n  then: {status: 1}\n")
    first = policy_set.decide(get(), NOTHING_STORED, NOON)
    assert policy_set.decide(get(), NOTHING_STORED, NOON) is first


def test_lines_to_log_are_of_each_request() -> None:
    """Facts in them need not be facts that conditions read."""
    policy_set = policies('- id: r\n  then: {log: "${watcher} at ${time}"}\n')
    for requester, line in ((PHONE, "sip:alice@example.com"), (BY_BOB, "sip:bob@example.com")):
        decision = policy_set.decide(get(requester=requester), NOTHING_STORED, NOON)
        assert decision.logs == (f"{line} at 12:00",)


def test_what_is_remembered_is_bounded() -> None:
    """A scan over user names must not fill the memory."""
    policy_set = policies("- id: r\n  when: {user: alice}\n  then: {status: 1}\n")
    for n in range(MAX_REMEMBERED + 10):
        request = FeatureRequest(Operation.GET, Aor(str(n), "example.com"), PHONE, DND)
        policy_set.decide(request, NOTHING_STORED, NOON)
    assert len(policy_set._plans) <= MAX_REMEMBERED
    assert len(policy_set._decisions) <= MAX_REMEMBERED
    assert policy_set.decide(get(), NOTHING_STORED, NOON).state.status


def test_third_parties_need_leave_to_subscribe() -> None:
    """The built-in rule and its exception, through the whole room."""
    by_bob = subscribe(requester=BY_BOB)
    rules = "- id: r\n  when: {op: subscribe, watcher.user: bob}\n  then: {allow: true}\n"
    allowed = policies(rules)
    assert allowed.decide(by_bob, NOTHING_STORED, NOON).denial is None
    carol = Requester(Origin.WATCHER, Aor("carol", "example.com"))
    denial = allowed.decide(subscribe(requester=carol), NOTHING_STORED, NOON).denial
    assert denial is not None
    assert (denial.reason, denial.answer) == ("not-your-presentity", DenialAnswer.REJECT)
    assert allowed.decide(subscribe(), NOTHING_STORED, NOON).denial is None


def test_stored_state_of_other_features_can_decide() -> None:
    """DND wins over forwarding, for instance."""
    rules = """
    - id: r
      when: {op: get, feature: CallForwardingAlways, DoNotDisturb.status: 1}
      then: {status: 0}
    """
    stored = NOTHING_STORED.replace(CFA, ON)
    assert decide(rules, get(CFA), stored).state.status
    assert not decide(rules, get(CFA), stored.replace(DND, ON)).state.status


def break_engine(policy_set: PolicySet) -> None:
    """Takes a ruleset away below the policy set: the next get of DND fails in the engine."""
    for shard in policy_set._situations[Operation.GET, DND, None].shards:
        shard.delete()


def test_an_engine_failure_is_counted_answered_and_mended() -> None:
    """Phones get the right answer while the engine is made anew."""
    policy_set = policies("- id: r\n  when: {user: {prefix: a}}\n  then: {status: 1}\n")
    break_engine(policy_set)
    requests = [FeatureRequest(Operation.GET, Aor(f"a{n}", "x"), PHONE, DND) for n in range(3)]
    for request in requests:
        assert policy_set.decide(request, NOTHING_STORED, NOON).matched == ("p/r",)
    assert policy_set.engine_failures == 1


def test_an_engine_that_keeps_failing_is_not_asked_for_ever() -> None:
    """Each failure leaks a ruleset; the reference evaluator then answers alone."""
    policy_set = policies("- id: r\n  when: {user: {prefix: a}}\n  then: {status: 1}\n")
    for n in range(MAX_ENGINE_FAILURES + 5):
        if n < MAX_ENGINE_FAILURES:
            break_engine(policy_set)
        request = FeatureRequest(Operation.GET, Aor(f"a{n}", "x"), PHONE, DND)
        assert policy_set.decide(request, NOTHING_STORED, NOON).matched == ("p/r",)
    assert policy_set.engine_failures == MAX_ENGINE_FAILURES
    policy_set.close()


def test_the_reference_decides_as_the_engine_does() -> None:
    """What the oracle compares with is the whole decision, its log lines included."""
    rules = '- id: r\n  when: {user: alice}\n  then: {status: 1, log: "${user}"}\n'
    policy_set = policies(rules)
    for request in (get(), set_(), subscribe(requester=BY_BOB)):
        view = View(request, NOTHING_STORED, NOON)
        assert policy_set.decide_by_reference(view) == policy_set.decide_view(view)


def test_sets_that_share_shards_free_them_when_the_last_is_closed() -> None:
    """A reload takes over what did not change."""
    shards = Shards()
    compiled = compile_policies([source("- id: r\n  when: {user: alice}\n  then: {status: 1}\n")])
    old, new = (
        PolicySet(compiled, shards, [shards.take(plan) for plan in compiled.sharding.shards])
        for _ in range(2)
    )
    assert old.shards == new.shards
    old.close()
    assert new.decide(get(), NOTHING_STORED, NOON).matched == ("p/r",)
    new.close()
    assert len(shards) == 0


def test_a_closed_set_decides_nothing() -> None:
    """Its memory in the engine is gone; so a late caller gets an error."""
    policy_set = policies("- id: r\n  then: {status: 1}\n")
    policy_set.decide(get(), NOTHING_STORED, NOON)
    policy_set.close()
    with pytest.raises(DfksError, match="closed") as caught:
        policy_set.decide(get(), NOTHING_STORED, NOON)
    assert caught.value.code == "policy_closed"


def test_any_presentity_of_a_domain_that_rules_name_is_decided_by_them() -> None:
    """Domains of Aor are in lower case; so are constants."""
    policy_set = policies("- id: r\n  when: {domain: example.com}\n  then: {status: 1}\n")
    other = get()._replace(presentity=Aor("alice", "other.example"))
    assert policy_set.decide(get(), NOTHING_STORED, NOON).matched == ("p/r",)
    assert policy_set.decide(other, NOTHING_STORED, NOON).matched == ()


@pytest.mark.parametrize(
    "rules",
    [
        "[]",
        "- id: r\n  when: {op: get, feature: DoNotDisturb}\n  then: {status: 1}\n",
        "- id: r\n  when: {op: set}\n  then: {deny: no}\n",
        "- id: r\n  when: {user: alice}\n  then: {status: 1}\n",
        "- id: r\n  when: {watcher.user: bob}\n  then: {assigned: false}\n",
        "- id: r\n  when: {DoNotDisturb.status: 1}\n  then: {status: 0}\n",
        "- id: r\n  when: {domain: example.com}\n  then: {status: 1}\n",
        "- id: r\n  when: {domain: example.com, user: alice}\n  then: {status: 1}\n",
        "- id: r\n  when: {domain: example.com}\n  then: {assigned: true}\n",
        '- id: r\n  when: {op: get}\n  then: {log: "${watcher} at ${time}"}\n',
    ],
)
def test_gets_decided_at_once_are_those_decided_one_by_one(rules: str) -> None:
    """The short way is taken by nearly every SUBSCRIBE; it must not be another policy."""
    at_once, one_by_one = policies(rules), policies(rules)
    snapshots = [NOTHING_STORED, NOTHING_STORED.replace(DND, ON), NOTHING_STORED.replace(CFA, ON)]
    presentities = [Aor("alice", "example.com"), Aor("carol", "example.com"), Aor("alice", "b.x")]
    for _ in range(2):
        for presentity, requester, snapshot, at in product(
            presentities, (PHONE, BY_BOB), snapshots, (NOON, NOON.replace(minute=1))
        ):
            requests = [
                FeatureRequest(Operation.GET, presentity, requester, feature)
                for feature in one_by_one.told_at(presentity.domain)
            ]
            assert at_once.decide_gets(presentity, requester, snapshot, at).decided == tuple(
                (cast(Feature, request.feature), one_by_one.decide(request, snapshot, at))
                for request in requests
            )


@pytest.mark.parametrize("rules", ["[]", "- {id: r, when: {op: subscribe}, then: {deny: no}}"])
def test_a_subscription_is_decided_the_same_when_it_is_remembered(rules: str) -> None:
    """A stranger is not the phone itself, and each domain may have rules of its own."""
    of_domain = "- {id: d, when: {op: subscribe, domain: b.x}, then: {allow: true}}"
    policy_set = load([source(rules), source(of_domain, name="b")])
    requests = [
        FeatureRequest(Operation.SUBSCRIBE, presentity, requester)
        for presentity in (ALICE, Aor("alice", "b.x"))
        for requester in (PHONE, BY_BOB)
    ]
    first, again = (
        [policy_set.decide(one, NOTHING_STORED, NOON) for one in requests] for _ in range(2)
    )
    views = [View(one, NOTHING_STORED, NOON) for one in requests]
    assert first == again == [policy_set.decide_by_reference(view) for view in views]


def test_what_is_forgotten_is_decided_anew_and_the_same() -> None:
    """A benchmark of new decisions must not change what is decided."""
    policy_set = policies("- {id: a, when: {op: get}, then: {status: 1}}")
    first = policy_set.decide(get(), NOTHING_STORED, NOON)
    policy_set.forget()
    second = policy_set.decide(get(), NOTHING_STORED, NOON)
    assert second == first
    assert second is not first
    policy_set.close()


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ("[]", ()),
        ("- id: r\n  when: {op: get}\n  then: {status: stored}\n", ()),
        ("- id: r\n  when: {op: set}\n  then: {assigned: true}\n", ()),
        ("- id: r\n  when: {op: get, user: bob}\n  then: {assigned: true}\n", ("a.x", "b.x")),
        ("- id: r\n  when: {domain: b.x}\n  then: {assigned: true}\n", ("b.x",)),
        ("- id: r\n  when: {domain: b.x}\n  then: {assigned: false}\n", ()),
    ],
)
def test_phones_are_asked_about_agent_state_only_where_a_rule_may_assign_it(
    rules: str, told: tuple[str, ...]
) -> None:
    """Nobody else's SUBSCRIBE costs a fifth decision; an operator sees what is stored."""
    policy_set = policies(rules)
    for domain in ("a.x", "b.x"):
        phone, operator = (
            [
                feature
                for feature, _ in policy_set.decide_gets(
                    Aor("carol", domain), requester, NOTHING_STORED, NOON
                ).decided
            ]
            for requester in (PHONE, OPERATOR)
        )
        assert phone == [*TOLD, Feature.AGENT_STATE] if domain in told else [*TOLD]
        assert operator == list(Feature)


@pytest.mark.parametrize(
    ("then", "reads"),
    [
        ("{assigned: true}", frozenset({"user"})),
        ("{assigned: false}", None),
        ("{status: stored}", None),
    ],
)
def test_a_rule_that_assigns_what_is_not_assigned_shows_something_else(
    then: str, reads: frozenset[str] | None
) -> None:
    """Else a change would be told to those whom the rule does not concern."""
    rules = f"- id: r\n  when: {{feature: AgentState, user: alice}}\n  then: {then}\n"
    assert policies(rules).reads_on_get == reads
