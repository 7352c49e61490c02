"""What policies know of users and numbers."""

from dfks_rules.model.features import NOTHING_STORED, Feature, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.policy.site.directory import Directory, Entry
from dfks_rules.policy.site.number_plan import NumberPlan
from dfks_rules.policy.site.site import NO_SITE, make_site
from tests.helpers.states import forwarding

ALICE, BOB = Aor("alice", "a.example"), Aor("bob", "a.example")


def test_a_loop_is_seen_over_what_others_have_stored() -> None:
    """Bob forwards to Alice's number: Alice must not forward to Bob."""
    site = make_site(Directory([Entry(ALICE, numbers=("+4930123456",))]), NumberPlan())
    forward = forwarding(True, "+4930123456")

    def stored_of(user: Aor) -> Snapshot:
        feature = Feature.CALL_FORWARDING_BUSY
        return NOTHING_STORED.replace(feature, forward) if user == BOB else NOTHING_STORED

    target = site.targets.analyse("bob", ALICE)
    assert site.loops(ALICE, target, stored_of)
    assert not site.loops(Aor("carol", "a.example"), target, stored_of)


def test_a_plan_adds_classes_to_those_that_are_built_in() -> None:
    """A policy may speak of both."""
    site = make_site(Directory(), NumberPlan(prefixes={"+1900": "my-own"}))
    assert site.classes - NO_SITE.classes == {"my-own"}
