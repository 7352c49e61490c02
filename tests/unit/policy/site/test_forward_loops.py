"""Forwards that come back to where they started."""

import pytest

from dfks_rules.model.features import NOTHING_STORED, Feature, Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.policy.site.forward_loops import MAX_HOPS, MAX_USERS, loops
from tests.helpers.states import forwarding


def user(name: str) -> Aor:
    """A user of the domain."""
    return Aor(name, "a.example")


class Stored:
    """What is stored, and how often it was looked at."""

    def __init__(self, **forwards: Snapshot) -> None:
        self.forwards = forwards
        self.loads = 0

    def __call__(self, aor: Aor) -> Snapshot:
        self.loads += 1
        return self.forwards.get(aor.user, NOTHING_STORED)


def resolve(text: str, owner: Aor) -> Aor | None:
    """A target that starts with `+` is outside."""
    return None if text.startswith("+") else Aor(text, owner.domain)


def to(
    target: str, feature: Feature = Feature.CALL_FORWARDING_ALWAYS, *, on: bool = True
) -> Snapshot:
    """One stored forward."""
    return NOTHING_STORED.replace(feature, forwarding(on, target))


def test_a_forward_to_oneself_is_a_loop() -> None:
    """The shortest there is; nothing needs to be loaded."""
    stored = Stored()
    assert loops(user("a"), user("a"), stored, resolve)
    assert stored.loads == 0


@pytest.mark.parametrize(
    "feature",
    [
        Feature.CALL_FORWARDING_ALWAYS,
        Feature.CALL_FORWARDING_BUSY,
        Feature.CALL_FORWARDING_NO_ANSWER,
    ],
)
def test_any_forward_that_is_on_closes_a_ring(feature: Feature) -> None:
    """On busy and no answer it rings until the first busy evening."""
    stored = Stored(b=to("c"), c=to("a", feature))
    assert loops(user("a"), user("b"), stored, resolve)


def test_a_forward_that_is_off_or_leads_outside_ends_the_chain() -> None:
    """A target is kept while the feature is off."""
    assert not loops(user("a"), user("b"), Stored(b=to("a", on=False)), resolve)
    assert not loops(user("a"), user("b"), Stored(b=to("+4930")), resolve)
    assert not loops(user("a"), user("b"), Stored(), resolve)
    assert not loops(user("a"), None, Stored(), resolve)


def test_a_ring_of_others_is_followed_once() -> None:
    """It is not the presentity's loop, and must not become the server's."""
    stored = Stored(b=to("c"), c=to("b"))
    assert not loops(user("a"), user("b"), stored, resolve)
    assert stored.loads == 2


def test_chains_are_followed_for_a_bounded_number_of_hops() -> None:
    """Calls do not live longer either."""
    chain = {f"u{n}": to(f"u{n + 1}") for n in range(1, MAX_HOPS)}
    assert loops(user("a"), user("u1"), Stored(**chain, **{f"u{MAX_HOPS}": to("a")}), resolve)
    chain[f"u{MAX_HOPS}"] = to(f"u{MAX_HOPS + 1}")
    stored = Stored(**chain, **{f"u{MAX_HOPS + 1}": to("a")})
    assert not loops(user("a"), user("u1"), stored, resolve)
    assert stored.loads == MAX_HOPS


def test_branches_load_a_bounded_number_of_users() -> None:
    """Three forwards each: eight hops would be nearly ten thousand loads."""
    loaded: list[Aor] = []

    def branching(aor: Aor) -> Snapshot:
        loaded.append(aor)
        states = tuple(forwarding(True, f"{aor.user}{n}") for n in range(4))
        return Snapshot(1, states)

    assert not loops(user("a"), user("b"), branching, resolve)
    assert len(loaded) == MAX_USERS
