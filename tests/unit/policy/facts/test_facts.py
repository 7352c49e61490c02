"""The table of facts: what each one reads."""

from datetime import UTC, datetime

import pytest

from dfks_rules.model.features import NOTHING_STORED, Feature
from dfks_rules.model.identity import Aor, AuthMethod, Identity
from dfks_rules.model.requests import FeatureRequest, Operation, Origin, Requester, Surroundings
from dfks_rules.policy.facts.facts import FACTS, fact_named, known_fact
from dfks_rules.policy.facts.view import NOWHERE, View
from dfks_rules.policy.site.directory import Directory, Entry
from dfks_rules.policy.site.number_plan import NumberPlan
from dfks_rules.policy.site.site import make_site
from tests.helpers.policy import ALICE, CFNA, NOON, OPERATOR, get, set_, subscribe
from tests.helpers.states import agent, forwarding

BOB = Aor("bob", "b.example")
PHONE = Requester(
    Origin.WATCHER,
    BOB,
    "dev",
    "Yealink",
    "tcp",
    "10.0.0.7",
    "route",
    Identity(BOB, AuthMethod.DIGEST, "bob"),
)
STORED = NOTHING_STORED.replace(CFNA, forwarding(True, "sip:vm@example.com", 4)).replace(
    Feature.AGENT_STATE, agent("notReady", "4711", "10")
)
SET = set_(CFNA, forwarding(False, "4930", 2), requester=PHONE)

SITE = make_site(
    Directory(
        [Entry(ALICE, ("sales", "export"), "owner", ("4930",)), Entry(BOB, ("night",), "guest")]
    ),
    NumberPlan(),
)
COUNTED = {"rate.user": 5, "rate.device": 2, "rate.domain.hour": 60, "rate.target.day": 700}
AROUND = Surroundings(NOWHERE.stored_of, tuple(COUNTED.items()))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("op", "set"),
        ("feature", "CallForwardingNoAnswer"),
        ("origin", "watcher"),
        ("presentity", "sip:alice@example.com"),
        ("user", "alice"),
        ("domain", "example.com"),
        ("param", "route"),
        ("watcher", "sip:bob@b.example"),
        ("watcher.user", "bob"),
        ("watcher.domain", "b.example"),
        ("auth.method", "digest"),
        ("auth.user", "bob"),
        ("device", "dev"),
        ("userAgent", "Yealink"),
        ("transport", "tcp"),
        ("source.ip", "10.0.0.7"),
        ("request.status", 0),
        ("request.forwardTo", "4930"),
        ("request.ringCount", 2),
        ("request.state", None),
        ("request.agentId", None),
        ("request.reason", None),
        ("stored.status", 1),
        ("stored.forwardTo", "sip:vm@example.com"),
        ("stored.ringCount", 4),
        ("stored.state", None),
        ("stored.agentId", None),
        ("stored.reason", None),
        ("DoNotDisturb.status", 0),
        ("CallForwardingAlways.status", 0),
        ("CallForwardingAlways.forwardTo", None),
        ("CallForwardingBusy.status", 0),
        ("CallForwardingBusy.forwardTo", None),
        ("CallForwardingNoAnswer.status", 1),
        ("CallForwardingNoAnswer.forwardTo", "sip:vm@example.com"),
        ("CallForwardingNoAnswer.ringCount", 4),
        ("AgentState.status", 0),
        ("AgentState.state", "notReady"),
        ("AgentState.agentId", "4711"),
        ("AgentState.reason", "10"),
        ("groups", ("export", "sales")),
        ("role", "owner"),
        ("watcher.groups", ("night",)),
        ("watcher.role", "guest"),
        ("target.kind", "internal"),
        ("target.class", "internal"),
        ("target.reach", "internal"),
        ("target.number", None),
        ("target.numbers", None),
        ("target.country", None),
        ("target.user", "alice"),
        ("target.domain", "example.com"),
        ("target.groups", ("export", "sales")),
        ("target.role", "owner"),
        ("target.self", True),
        ("target.loop", True),
        ("rate.user", 5),
        ("rate.user.hour", None),
        ("rate.user.day", None),
        ("rate.device", 2),
        ("rate.device.hour", None),
        ("rate.device.day", None),
        ("rate.domain", None),
        ("rate.domain.hour", 60),
        ("rate.domain.day", None),
        ("rate.target", None),
        ("rate.target.hour", None),
        ("rate.target.day", 700),
        ("time", "12:00"),
        ("weekday", "mon"),
        ("date", "2026-01-05"),
        ("now", "2026-01-05T12:00+00:00"),
    ],
)
def test_facts_of_a_set_by_a_phone(name: str, value: object) -> None:
    """One request in which nearly everything is there."""
    read = FACTS[name].read(View(SET, STORED, NOON, AROUND, SITE))
    assert (read, type(read)) == (value, type(value))


def test_no_fact_is_left_out_of_that_test() -> None:
    """A new fact needs its line above."""
    (mark,) = test_facts_of_a_set_by_a_phone.pytestmark  # type: ignore[attr-defined]
    assert [name for name, _ in mark.args[1]] == list(FACTS)


def test_a_fact_is_found_by_its_name() -> None:
    """In the table, in a family, or nowhere."""
    assert fact_named("user") is FACTS["user"]
    manager = fact_named("user.manager")
    assert manager is not None
    assert manager.name == "user.manager"
    assert fact_named("user.Manager") is None
    assert fact_named("nobody.manager") is None
    assert known_fact("user.manager").kind is manager.kind
    with pytest.raises(KeyError):
        known_fact("nobody")


def test_facts_are_absent_from_operations_that_do_not_have_them() -> None:
    """The table says which; checks and documentation rely on it."""
    for request in (get(CFNA, requester=PHONE), SET, subscribe(requester=PHONE)):
        for fact in FACTS.values():
            if request.operation not in fact.operations and fact.name not in ("device", "param"):
                assert fact.read(View(request, STORED, NOON)) is None, fact.name


def test_an_operator_has_no_watcher_and_no_address() -> None:
    """Nothing is made up for facts that only SIP has."""
    request = get(requester=OPERATOR)
    names = ["watcher", "watcher.user", "watcher.domain", "userAgent", "transport", "source.ip"]
    assert [FACTS[name].read(View(request, STORED, NOON)) for name in names] == [None] * len(names)
    assert FACTS["origin"].read(View(request, STORED, NOON)) == "operator"


def test_local_time_is_that_of_the_datetime_given() -> None:
    """The caller has put it in the zone that policies mean."""
    at = datetime(2026, 12, 6, 7, 5, 59, tzinfo=UTC)
    read = {name: FACTS[name].read(View(get(), STORED, at)) for name in ("time", "weekday", "date")}
    assert read == {"time": "07:05", "weekday": "sun", "date": "2026-12-06"}


def test_domain_only_presentities_have_an_empty_user() -> None:
    """`sip:example.com` is an address of record too."""
    request = FeatureRequest(Operation.SUBSCRIBE, Aor("", ALICE.domain), OPERATOR)
    assert FACTS["user"].read(View(request, STORED, NOON)) == ""
    assert FACTS["presentity"].read(View(request, STORED, NOON)) == "sip:example.com"


def test_who_did_not_authenticate_has_a_method_and_no_name() -> None:
    """An operator has neither: it does not come by SIP."""
    phone, operator = (
        View(get(CFNA, requester=one), STORED, NOON)
        for one in (PHONE._replace(identity=None), OPERATOR)
    )
    assert FACTS["auth.method"].read(phone) == "none"
    assert FACTS["auth.user"].read(phone) is None
    assert FACTS["auth.method"].read(operator) is None
