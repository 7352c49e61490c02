"""What matching rules amount to."""

from typing import Any

import pytest

from dfks_rules.model.decisions import AlsoSet, Decision, Denial, DenialAnswer, NotifyScope
from dfks_rules.model.features import OFF, Feature, FeatureState
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked, Operation
from dfks_rules.model.values import Value
from dfks_rules.policy.deciding.combine import NOT_YOUR_PRESENTITY, make_plan
from dfks_rules.policy.facts.view import FactValue
from dfks_rules.policy.language.document import AllOf, Also, Effects, Rule
from dfks_rules.policy.language.values import Clamped, Template
from tests.helpers.policy import CFA, CFNA, DND
from tests.helpers.states import agent, forwarding, values

STORED = forwarding(True, "sip:stored@a", 5)
NO = Denial("no", "Never", DenialAnswer.STORED)


def rules(*effects: Effects) -> list[Rule]:
    """Rules `p/0`, `p/1`, … that match."""
    return [Rule(f"p/{n}", AllOf(()), one) for n, one in enumerate(effects)]


def nothing(_name: str) -> None:
    """No fact is there."""


def on_get(*effects: Effects, feature: Feature = CFNA, stored: FeatureState = STORED) -> Decision:
    """The decision of a get."""
    return make_plan(rules(*effects), Operation.GET, feature, "rev", nothing).decide(
        None, stored, own=True
    )


def on_set(asked: FeatureState, *effects: Effects, feature: Feature = CFNA) -> Decision:
    """The decision of a set."""
    plan = make_plan(rules(*effects), Operation.SET, feature, "rev", nothing)
    return plan.decide(asked, STORED, own=True)


def on_subscribe(*effects: Effects, own: bool) -> Decision:
    """The decision about permission to subscribe."""
    return make_plan(rules(*effects), Operation.SUBSCRIBE, None, "rev", nothing).decide(
        None, OFF, own=own
    )


def test_without_rules_a_get_tells_what_is_stored() -> None:
    """The documented default."""
    assert on_get() == Decision(STORED, True, NotifyScope.ALL, None, (), {}, (), "rev")


def test_without_rules_a_set_stores_what_is_asked_and_keeps_what_is_not_said() -> None:
    """A phone that turns a feature off need not repeat the target."""
    assert on_set(FeatureState(status=False)).state == STORED._replace(status=False)
    asked = forwarding(True, "sip:asked@a", 9)
    assert on_set(asked).state == asked


@pytest.mark.parametrize(
    ("status", "told", "set_"),
    [(0, False, False), (1, True, True), ("request", True, False), ("stored", True, True)],
)
def test_status_on_get_and_set(status: Any, *, told: bool, set_: bool) -> None:
    """Stored is on, asked for is off; a get asks for nothing."""
    assert on_get(Effects(status=status)).state.status is told
    assert on_set(FeatureState(status=False), Effects(status=status)).state.status is set_


def test_each_field_is_decided_by_the_first_rule_that_sets_it() -> None:
    """Fields, not rules, are what the first match decides."""
    decision = on_get(
        Effects(status=0),
        Effects(status=1, values=values("x"), assigned=True),
        Effects(values=values(rings=7), assigned=False, notify=NotifyScope.NONE),
    )
    assert decision.state == forwarding(False, "x", 7)
    assert (decision.assigned, decision.notify) == (True, NotifyScope.NONE)
    assert decision.matched == ("p/0", "p/1", "p/2")
    assert decision.decided_by == {
        "status": "p/0",
        "forwardTo": "p/1",
        "assigned": "p/1",
        "ringCount": "p/2",
        "notify": "p/2",
    }


def test_final_stops_the_list_of_fields() -> None:
    """The rules after it still match, and set nothing."""
    decision = on_get(Effects(status=0, final=True), Effects(values=values("x")))
    assert decision.state == STORED._replace(status=False)
    assert decision.matched == ("p/0", "p/1")


def test_final_does_not_hide_a_denial() -> None:
    """Guardrails are independent of everything else."""
    assert on_get(Effects(status=0, final=True), Effects(denial=NO)).denial == NO


@pytest.mark.parametrize("feature", [DND, CFA])
def test_values_that_a_feature_does_not_have_are_ignored(feature: Feature) -> None:
    """A rule about all features may set a ring count."""
    decision = on_get(Effects(values=values(rings=7)), feature=feature, stored=OFF)
    assert (decision.state, decision.decided_by) == (OFF, {})


def test_any_denial_denies_and_the_first_gives_the_reason() -> None:
    """Deny overrides, wherever it stands."""
    other = Denial("other")
    decision = on_set(
        FeatureState(status=False), Effects(status=1), Effects(denial=NO), Effects(denial=other)
    )
    assert (decision.denial, decision.state) == (NO, STORED)
    assert decision.decided_by == {"deny": "p/1"}


def test_a_denial_leaves_notify_and_assigned_to_count() -> None:
    """`notify: false` beside `deny` is how a storm is quietened."""
    effects = Effects(denial=NO, notify=NotifyScope.NONE, assigned=False, status=1)
    decision = on_get(effects)
    assert (decision.notify, decision.assigned) == (NotifyScope.NONE, False)
    assert decision.decided_by == {"deny": "p/0", "notify": "p/0", "assigned": "p/0"}


def test_assigned_does_not_count_beside_a_denied_set() -> None:
    """What the phone is told then is what a get would tell."""
    effects = Effects(denial=NO, notify=NotifyScope.NONE, assigned=False)
    decision = on_set(FeatureState(status=True), effects)
    assert (decision.notify, decision.assigned) == (NotifyScope.NONE, True)
    assert decision.decided_by == {"deny": "p/0", "notify": "p/0"}


@pytest.mark.parametrize(
    ("answer", "state", "assigned"),
    [
        (DenialAnswer.STORED, STORED, True),
        (DenialAnswer.OFF, STORED._replace(status=False), True),
        (DenialAnswer.UNASSIGNED, STORED, False),
        (DenialAnswer.REJECT, STORED, False),
    ],
)
def test_a_denied_get_tells_what_the_answer_says(
    answer: DenialAnswer, state: FeatureState, *, assigned: bool
) -> None:
    """Callers need not look at the answer."""
    decision = on_get(Effects(denial=Denial("no", None, answer)))
    assert (decision.state, decision.assigned) == (state, assigned)


@pytest.mark.parametrize("answer", DenialAnswer)
def test_a_denied_set_keeps_the_stored_state(answer: DenialAnswer) -> None:
    """How the phone learns of it is the service's concern."""
    decision = on_set(FeatureState(status=False), Effects(denial=Denial("no", None, answer)))
    assert (decision.state, decision.assigned) == (STORED, True)


def test_a_third_party_needs_leave_to_subscribe() -> None:
    """Built in: nobody may watch others by default."""
    assert on_subscribe(own=True).denial is None
    assert on_subscribe(own=False).denial == NOT_YOUR_PRESENTITY
    assert NOT_YOUR_PRESENTITY.answer is DenialAnswer.REJECT


def test_allow_gives_leave_and_deny_takes_it() -> None:
    """A denial always wins over `allow`, for the presentity's own phones too."""
    allowed = on_subscribe(Effects(allow=True), own=False)
    assert (allowed.denial, allowed.decided_by) == (None, {"allow": "p/0"})
    for own in (True, False):
        denied = on_subscribe(Effects(allow=True), Effects(denial=NO), own=own)
        assert (denied.denial, denied.decided_by) == (NO, {"deny": "p/1"})


def test_leave_to_subscribe_has_no_state() -> None:
    """Rules about all operations set fields that only features have."""
    decision = on_subscribe(Effects(status=1, values=values("x"), assigned=False), own=True)
    assert (decision.state, decision.assigned, decision.decided_by) == (OFF, True, {})


def test_lines_to_log_are_those_of_all_rules_that_match() -> None:
    """Denied or not, final or not."""
    effects = [Effects(log="a ${user}", final=True), Effects(log="b ${param}", denial=NO)]
    plan = make_plan(rules(*effects), Operation.GET, DND, "rev", nothing)
    assert plan.lines({"user": "alice"}.get) == ("a alice", "b -")


def test_lines_to_log_stay_one_line_and_are_filled_in_once() -> None:
    """Facts come from peers: no line feeds, no placeholders of theirs."""
    plan = make_plan(rules(Effects(log="<${user}>")), Operation.GET, DND, "rev", nothing)
    assert plan.lines({"user": "a\r\nb\x1b[31m"}.get) == ("<a\ufffd\ufffdb\ufffd[31m>",)
    assert plan.lines({"user": "${domain}", "domain": "d"}.get) == ("<${domain}>",)


FACTS: dict[str, FactValue] = {
    "user": "boss",
    "domain": "a.example",
    "request.status": 1,
    "request.ringCount": 99,
}


def on_set_of_boss(*effects: Effects, shadow: bool = False) -> Decision:
    """The decision of a set of the boss, who asks for 99 rings."""
    several = [rule._replace(shadow=shadow) for rule in rules(*effects)]
    plan = make_plan(several, Operation.SET, CFNA, "rev", FACTS.get)
    return plan.decide(forwarding(True, None, 99), STORED, own=True)


def test_values_are_worked_out_from_facts() -> None:
    """A ring count is clamped, and a target made of the user's name."""
    effects = Effects(
        values=values(Template("sip:vm-${user}@${domain}"), Clamped("request.ringCount", 2, 10)),
    )
    assert on_set_of_boss(effects).state == forwarding(True, "sip:vm-boss@a.example", 10)


def test_a_value_that_cannot_be_worked_out_is_as_if_nothing_was_said() -> None:
    """An absent fact must not end in an empty target."""
    effects = Effects(values=values(Template("sip:${param}"), Clamped("x", 2, 10)))
    assert on_set_of_boss(effects).state == forwarding(True, "sip:stored@a", 99)


def test_sets_that_follow_say_whose_feature_and_what_is_asked_for() -> None:
    """The same user where nothing else is said; values only where the feature has them."""
    effects = Effects(
        also=(
            Also(DND, 0, values=values(rings=3)),
            Also(CFNA, "request", Template("${user}-2"), Template("b.example"), values("x", 3)),
            Also(DND, 1, Template("${param}")),
        )
    )
    assert on_set_of_boss(effects).also == (
        AlsoSet(Aor("boss", "a.example"), Asked(DND, OFF), "p/0"),
        AlsoSet(Aor("boss-2", "b.example"), Asked(CFNA, forwarding(True, "x", 3)), "p/0"),
    )


def members_of(domain: str, group: str) -> list[str]:
    """Who is in the groups of a directory."""
    return ["a b", "anna", "boss"] if (domain, group) == ("a.example", "desk") else []


def test_sets_follow_for_each_member_of_a_group_but_the_one_that_is_asked_for() -> None:
    """Of whoever may be a user."""
    also = (Also(CFNA, 0, values=values("x"), group="desk"), Also(DND, 1, group="nobody"))
    several = rules(Effects(also=also))
    plan = make_plan(several, Operation.SET, CFNA, "rev", FACTS.get, members_of)
    off = forwarding(False, "x")
    assert plan.also == (AlsoSet(Aor("anna", "a.example"), Asked(CFNA, off), "p/0"),)
    assert make_plan(several, Operation.SET, CFNA, "rev", FACTS.get).also == ()
    assert make_plan(several, Operation.SET, CFNA, "rev", nothing, members_of).also == ()


def test_nothing_follows_a_denial_or_a_final_rule() -> None:
    """What is refused has no consequences; what is final ends the list."""
    also = Effects(also=(Also(DND, 0),))
    assert on_set_of_boss(also, Effects(denial=NO)).also == ()
    assert on_set_of_boss(Effects(final=True), also).also == ()
    assert len(on_set_of_boss(also, Effects(final=True)).also) == 1


LIFTABLE = Effects(denial=NO, exceptions=True, notify=NotifyScope.NONE)


def test_a_lifted_denial_does_not_count() -> None:
    """Wherever the Exception stands; what else the rule sets holds."""
    lifting = Effects(lifts=("p/0", "p/9"))
    for decision in (on_set_of_boss(LIFTABLE, lifting), on_set_of_boss(LIFTABLE, lifting, lifting)):
        assert decision.denial is None
        assert decision.lifted == (("p/0", "p/1"),)
        assert decision.decided_by == {"notify": "p/0"}
        assert decision.matched[:2] == ("p/0", "p/1")
    before = on_set_of_boss(Effects(lifts=("p/1",)), LIFTABLE)
    assert (before.denial, before.lifted) == (None, (("p/1", "p/0"),))


def test_other_denials_still_count() -> None:
    """An Exception names what it lifts."""
    decision = on_set_of_boss(LIFTABLE, Effects(denial=NO), Effects(lifts=("p/0",)))
    assert decision.decided_by["deny"] == "p/1"
    assert decision.lifted == (("p/0", "p/2"),)


def test_what_only_a_shadow_denies_is_not_lifted() -> None:
    """It denied nothing."""
    denying, lifting = rules(LIFTABLE, Effects(lifts=("p/0",)))
    several = [denying._replace(shadow=True), lifting]
    plan = make_plan(several, Operation.SET, CFNA, "rev", FACTS.get)
    assert plan.decide(forwarding(True), STORED, own=True).lifted == ()


def test_rules_in_shadow_match_and_decide_nothing() -> None:
    """An author sees what a rule would catch before it does."""
    decision = on_set_of_boss(Effects(status=0, log="x"), Effects(denial=NO), shadow=True)
    assert (decision.state.status, decision.denial, decision.decided_by) == (True, None, {})
    assert decision.matched == decision.shadow == ("p/0", "p/1")


@pytest.mark.parametrize("name", ["sip:x@y.example", "two words", "x:1", "<x>", "", "x\ny"])
def test_nothing_follows_for_whom_nobody_can_be(name: str) -> None:
    """A phone says `request.forwardTo`: it must not fill the store with users that are none."""

    def lookup(fact: str) -> str:
        return {"user": "boss", "domain": "a.example", "request.forwardTo": name}[fact]

    whose = Also(DND, 1, Template("${request.forwardTo}"))
    whose_domain = Also(DND, 1, None, Template("${request.forwardTo}/"))
    several = rules(Effects(also=(whose, whose_domain)))
    assert make_plan(several, Operation.SET, CFNA, "rev", lookup).also == ()


AGENT = Feature.AGENT_STATE


@pytest.mark.parametrize(
    ("asked", "stored", "effects", "state"),
    [
        (agent("ready"), OFF, Effects(), agent("ready")),
        (agent(status=True), agent("loggedOff", "4"), Effects(), agent("ready", "4")),
        (agent(status=False), agent("ready", "4"), Effects(), agent("notReady", "4")),
        (agent(status=False), agent("loggedOff"), Effects(), agent("loggedOff")),
        (agent("notReady"), agent("notReady", "4", "10"), Effects(), agent("notReady", "4")),
        (agent("ready"), agent("notReady", None, "10"), Effects(), agent("ready")),
        (agent("ready"), OFF, Effects(status=0), OFF),
        (agent("ready"), agent("loggedOn"), Effects(status="stored"), agent("loggedOn")),
        (agent("notReady"), OFF, Effects(status=1), agent("ready")),
        (agent("loggedOff"), OFF, Effects(values=((Value.STATE, "ready"),)), agent("ready")),
        (
            agent("ready"),
            OFF,
            Effects(status="request", values=((Value.STATE, "workingAfterCall"),)),
            agent("workingAfterCall"),
        ),
    ],
)
def test_a_set_leaves_status_and_word_in_agreement(
    asked: FeatureState, stored: FeatureState, effects: Effects, state: FeatureState
) -> None:
    """Whether the phone, the operator or a rule says only one of them."""
    plan = make_plan(rules(effects), Operation.SET, AGENT, "rev", nothing)
    assert plan.decide(asked, stored, own=True).state == state


def test_a_get_shows_status_and_word_in_agreement() -> None:
    """A rule that hides that an agent is ready need not know the words."""
    ready = agent("ready", "4")
    assert on_get(Effects(status=0), feature=AGENT, stored=ready).state == agent("notReady", "4")
    off = Effects(denial=Denial("no", None, DenialAnswer.OFF), assigned=True)
    denied = on_get(off, feature=AGENT, stored=ready)
    assert (denied.state, denied.assigned) == (agent("notReady", "4"), True)


@pytest.mark.parametrize("feature", Feature)
def test_whether_a_phone_is_told_depends_on_the_feature_unless_a_rule_says(
    feature: Feature,
) -> None:
    """Agent state is for those who work in a call centre."""
    assert on_get(feature=feature, stored=OFF).assigned is (feature is not AGENT)
    assert on_get(Effects(assigned=True), feature=feature, stored=OFF).assigned
    assert not on_get(Effects(assigned=False), feature=feature, stored=OFF).assigned


def test_a_set_that_follows_may_say_only_a_word() -> None:
    """`status` is then what that stands for."""
    also = Also(AGENT, "request", values=((Value.STATE, "notReady"),))
    facts: dict[str, FactValue] = {"user": "alice", "domain": "h", "request.status": 1}
    plan = make_plan(rules(Effects(also=(also,))), Operation.SET, DND, "rev", facts.get)
    assert plan.also == (AlsoSet(Aor("alice", "h"), Asked(AGENT, agent("notReady")), "p/0"),)
