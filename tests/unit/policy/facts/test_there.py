"""Which requests have a fact, against the requests that facts are read from."""

import pytest

from dfks_rules.model.features import FEATURES, NOTHING_STORED, Feature
from dfks_rules.model.identity import Aor, AuthMethod, Identity
from dfks_rules.model.requests import FeatureRequest, Operation, Origin, Requester
from dfks_rules.policy.facts.facts import FACTS
from dfks_rules.policy.facts.given import given_of, view_of
from dfks_rules.policy.facts.there import (
    ALWAYS,
    OF_PHONES,
    ORIGINS,
    are_of_phones,
    features_with,
    origins_with,
)
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.site.directory import Directory, Entry
from dfks_rules.policy.site.number_plan import NumberPlan
from dfks_rules.policy.site.site import make_site
from tests.helpers.policy import ALICE, DND, NOON

FULL = {
    "auth.method": "trusted",
    "auth.user": "a",
    "device": "d",
    "userAgent": "u",
    "transport": "tcp",
    "source.ip": "10.0.0.1",
    "param": "p",
    "rate.device": 1,
    "request.status": 1,
}
"""Facts that depend on who asks."""


def test_the_tables_are_about_facts() -> None:
    """A fact that is renamed takes its rows along."""
    assert {*ALWAYS, *ORIGINS} <= set(FACTS)
    assert all(ALWAYS[name] <= FACTS[name].operations for name in ALWAYS)


@pytest.mark.parametrize("operation", list(Operation))
@pytest.mark.parametrize("origin", list(Origin))
def test_facts_that_are_never_absent_are_in_the_barest_request(
    operation: Operation, origin: Origin
) -> None:
    """And no other."""
    given = {"op": operation.value, "feature": "DoNotDisturb", "request.status": 0}
    seen = given_of(view_of({**given, "origin": origin.value}))
    always = {name for name, operations in ALWAYS.items() if operation in operations}
    watching = {"watcher", "watcher.user", "watcher.domain", "auth.method"}
    watching = watching if origin is Origin.WATCHER else set()
    assert set(seen) == always | watching


@pytest.mark.parametrize("origin", [Origin.OPERATOR, Origin.INTERNAL])
def test_what_only_some_can_have_the_others_lack(origin: Origin) -> None:
    """Rates are given to a request apart from who asks."""
    given = {"op": "set", "feature": "DoNotDisturb", **FULL, "origin": origin.value}
    seen = given_of(view_of(given)).keys() - {name for name in FACTS if name.startswith("rate.")}
    assert not {name for name in seen if origin not in ORIGINS.get(name, {origin})}


@pytest.mark.parametrize(
    ("fact", "features"),
    [
        ("request.forwardTo", 3),
        ("stored.forwardTo", 3),
        ("target.class", 3),
        ("request.ringCount", 1),
        ("request.state", 1),
        ("request.status", len(FEATURES)),
        ("CallForwardingAlways.forwardTo", len(FEATURES)),
        ("user", len(FEATURES)),
    ],
)
def test_features_have_facts_about_the_values_that_they_take(fact: str, features: int) -> None:
    """What is stored for a feature by its name is there whatever is asked about."""
    assert len(features_with(fact)) == features
    assert (Feature.DO_NOT_DISTURB in features_with(fact)) == (features == len(Feature))


def test_facts_of_phones_are_those_that_differ_between_two_phones() -> None:
    """A fact that is missing in the list would show one phone what is another's to see."""
    one = Requester(Origin.WATCHER, ALICE, "d1", "ua1", "udp", "192.0.2.1")
    bob = Aor("bob", "b.test")
    proved = Identity(bob, AuthMethod.DIGEST, "bob")
    two = Requester(Origin.WATCHER, bob, "d2", "ua2", "tcp", "192.0.2.2", None, proved)
    directory = Directory([Entry(bob, ("night",), "guest", columns=("zone",), cells=("x",))])
    site = make_site(directory, NumberPlan())
    views = [
        View(FeatureRequest(Operation.GET, ALICE, requester, DND), NOTHING_STORED, NOON, site=site)
        for requester in (one, two)
    ]
    differ = {name for name, fact in FACTS.items() if len({str(fact.read(v)) for v in views}) > 1}
    assert differ == OF_PHONES
    assert all(are_of_phones([name]) for name in (*OF_PHONES, "watcher.zone"))
    assert not are_of_phones(["user.zone", "target.zone", "user", "time"])


def test_only_a_phone_has_attributes_of_a_watcher() -> None:
    """As it is the only one that watches."""
    assert origins_with("watcher.zone") == origins_with("watcher") == {Origin.WATCHER}
    assert origins_with("user.zone") == origins_with("user") == set(Origin)
