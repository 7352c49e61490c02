"""A star code that was dialled is a set like any other; the switch is told what to say of it."""

from contextlib import suppress
from typing import NamedTuple

from dfks_rules.model.features import Feature, FeatureState, values_from
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Asked
from dfks_rules.model.values import Value
from dfks_rules.operations.ports import Operations, SetResult, Sets
from dfks_rules.policy.site.star_codes import Dialled, read_star_code
from dfks_rules.service.ports import ChangedError

PARAM = "star-code"
"""The fact `param` of such a set."""
SAYS = (
    *("forward-on", "forward-off", "dnd-on", "dnd-off"),
    *("refused", "target-needed", "unknown-code"),
)
"""What a switch may have to say."""
_TRIES = 3
"""How often a toggle is tried, where somebody else switches the feature meanwhile."""


class Said(NamedTuple):
    """What came of it."""

    say: str
    """One of `SAYS`."""
    dialled: Dialled | None = None
    """What was meant; None: nobody knows."""
    status: bool | None = None
    """On or off, as asked for; None: nothing was asked for."""
    result: SetResult | None = None
    """What came of the set; None: there was none."""


async def dial(operations: Operations, presentity: Aor, digits: str, actor: str) -> Said:
    """Do what a code of the presentity's domain says.

    Args:
        operations: the server.
        presentity: who has dialled.
        digits: what.
        actor: who asks for it, for the journal.

    Raises:
        ChangedError: somebody else switches the feature at the same time, again and again.
        StoreError: nothing was changed.
    """
    dialled = read_star_code(digits, operations.star_codes(presentity.domain))
    if dialled is None:
        return Said("unknown-code")
    for _ in range(_TRIES - 1):
        with suppress(ChangedError):
            return await _switch(operations, presentity, dialled, actor)
    return await _switch(operations, presentity, dialled, actor)


async def _switch(operations: Operations, presentity: Aor, dialled: Dialled, actor: str) -> Said:
    code, target = dialled
    stored = await operations.stored(presentity)
    before = stored.state(code.feature)
    status = not before.status if code.status is None else code.status
    is_forward = code.feature is not Feature.DO_NOT_DISTURB
    if status and is_forward and target is None and before.value(Value.FORWARD_TO) is None:
        return Said("target-needed", dialled, status)
    asked = FeatureState(status, values_from({Value.FORWARD_TO: target}))
    expected = stored.revision if code.status is None else None
    sets = Sets(presentity, (Asked(code.feature, asked),), PARAM, actor, expected)
    result = await operations.set(sets)
    outcome = result.outcomes[0]
    if outcome.decision.denial is not None:
        return Said("refused", dialled, status, result)
    word = "on" if outcome.after.status else "off"
    return Said(f"{'forward' if is_forward else 'dnd'}-{word}", dialled, status, result)
