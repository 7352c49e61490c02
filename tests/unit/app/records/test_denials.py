"""Where something was denied, by place."""

from dfks_rules.app.records.denials import PORTION, Denials
from dfks_rules.app.records.ring import Ring
from dfks_rules.model.decisions import Decision, Denial, NotifyScope, Outcome
from dfks_rules.model.features import NOTHING_STORED, OFF
from dfks_rules.model.gets import Gets, Got
from dfks_rules.operations.turns import Turns
from dfks_rules.policy.facts.view import NOWHERE
from tests.helpers.policy import ALICE, DND, NOON, PHONE, set_


def outcome(denial: Denial | None) -> Outcome:
    """A set, denied or not."""
    decision = Decision(OFF, True, NotifyScope.ALL, denial, (), {}, (), "1")
    return Outcome(set_(DND), decision, OFF, OFF, None, NOTHING_STORED, NOON, NOWHERE)


ALLOWED, DENIED = outcome(None), outcome(Denial("late"))


async def test_each_is_noted_once_until_the_ring_has_turned() -> None:
    """Also one of which only a part was denied, and what is kept after somebody has asked."""
    ring = Ring(4)
    denials = Denials(ring)
    await denials.note(Turns())
    assert denials.up_to(9) == -1
    ring.add(1, (ALLOWED, DENIED))
    ring.add(3, (ALLOWED,))
    ring.add(4, (DENIED,))
    await denials.note(Turns())
    assert [denials.up_to(place) for place in range(-1, 4)] == [-1, 0, 0, 2, 2]
    ring.add(5, (ALLOWED,))
    ring.add(6, (DENIED,))
    await denials.note(Turns())
    assert [denials.up_to(place) for place in range(5)] == [-1, -1, 2, 2, 4]


async def test_a_get_that_is_denied_is_noted_too() -> None:
    """Its outcomes are not made for that, as a rule."""
    ring = Ring(4)
    denials = Denials(ring)
    for number, denial in ((1, None), (2, Denial("late"))):
        gets = Gets(((DND, outcome(denial).decision),))
        ring.add(number, Got(gets, ALICE, PHONE, NOTHING_STORED, NOON, NOWHERE))
    await denials.note(Turns())
    assert [denials.up_to(place) for place in (0, 1)] == [-1, 1]


async def test_what_is_gone_before_anybody_asked_is_passed_over() -> None:
    """The ring may turn many times in between."""
    ring = Ring(PORTION + 1)
    denials = Denials(ring)
    await denials.note(Turns())
    for number in range(1, 5 * PORTION):
        ring.add(number, (DENIED,))
    await denials.note(Turns())
    assert denials.up_to(ring.begin - 1) == -1
    assert [denials.up_to(place) for place in (ring.begin, ring.end)] == [ring.begin, ring.end - 1]
