"""What comes of a star code."""

import pytest

from dfks_rules.model.features import NOTHING_STORED, Feature
from dfks_rules.model.identity import Aor
from dfks_rules.operations.ports import SetResult, Sets
from dfks_rules.operations.star_codes import PARAM, Said, dial
from dfks_rules.policy.site.star_codes import StarCode
from dfks_rules.service.ports import ChangedError
from tests.helpers.operations import MemoryOperations

_ALICE = Aor("alice", "example.com")
_CFA, _DND = Feature.CALL_FORWARDING_ALWAYS, Feature.DO_NOT_DISTURB


def _operations() -> MemoryOperations:
    operations = MemoryOperations()
    operations.codes = {
        "*72": StarCode(_CFA, status=True),
        "*73": StarCode(_CFA, status=False),
        "*75": StarCode(_CFA, status=None),
        "*76": StarCode(_DND, status=None),
        "*78": StarCode(_DND, status=True),
    }
    return operations


async def _say(operations: MemoryOperations, *dialled: str) -> list[str]:
    return [(await dial(operations, _ALICE, digits, "pbx")).say for digits in dialled]


async def test_a_code_is_a_set_by_whoever_asks_for_it() -> None:
    """Policies see `param`, the journal the actor."""
    operations = _operations()
    said = await dial(operations, _ALICE, "*72201", "pbx")
    assert (said.say, said.status) == ("forward-on", True)
    assert (operations.params, operations.actors) == ([PARAM], ["pbx"])
    state = operations.states[_ALICE].state(_CFA)
    assert (state.status, state.by_name) == (True, {"forwardTo": "201"})


async def test_every_code_has_something_to_be_said() -> None:
    """On and off, of either kind."""
    dialled = ("*72201", "*73", "*78", "*76")
    assert await _say(_operations(), *dialled) == [
        *("forward-on", "forward-off", "dnd-on", "dnd-off")
    ]


async def test_a_code_without_a_target_takes_the_one_that_is_stored() -> None:
    """If there is none, the switch has to ask for it, and nothing is set."""
    operations = _operations()
    assert await _say(operations, "*72", "*75") == ["target-needed", "target-needed"]
    assert operations.states == {}
    assert await _say(operations, "*72201", "*73", "*72") == [
        *("forward-on", "forward-off", "forward-on")
    ]
    assert operations.states[_ALICE].state(_CFA).by_name == {"forwardTo": "201"}


async def test_a_toggle_is_the_other_one_each_time() -> None:
    """Whatever was stored."""
    assert await _say(_operations(), "*76", "*76", "*76") == ["dnd-on", "dnd-off", "dnd-on"]


async def test_digits_that_are_no_code_set_nothing() -> None:
    """The switch may know them."""
    operations = _operations()
    assert await dial(operations, _ALICE, "*99", "pbx") == Said("unknown-code")
    assert await dial(operations, Aor("a", "other.example"), "*78", "pbx") == Said("unknown-code")
    assert operations.params == []


async def test_a_policy_may_refuse_it() -> None:
    """The caller hears so."""
    operations = _operations()
    operations.codes["*72"] = StarCode(_CFA, status=True)
    operations.refused = "900"
    said = await dial(operations, _ALICE, "*72900", "pbx")
    assert said.say == "refused"
    assert said.result is not None
    assert said.result.outcomes[0].decision.denial is not None


class _Busy(MemoryOperations):
    """Somebody else is faster, so many times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times
        self.codes = {"*76": StarCode(_DND, status=None)}

    async def set(self, sets: Sets) -> SetResult:
        assert sets.expected == self.states.get(_ALICE, NOTHING_STORED).revision
        if self.times:
            self.times -= 1
            raise ChangedError(sets.presentity, 7)
        return await super().set(sets)


async def test_a_toggle_that_somebody_else_overtakes_is_tried_again() -> None:
    """Two toggles at once must not both switch on."""
    assert await _say(_Busy(2), "*76") == ["dnd-on"]
    with pytest.raises(ChangedError):
        await _say(_Busy(3), "*76")
