"""Whether calls that are forwarded come back to where they started."""

from collections.abc import Callable

from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.values import Value

MAX_HOPS = 8
"""Longest chain of forwards that is followed; a call does not live through more (the servers of the
field stop at 3 to 10)."""
MAX_USERS = 32
"""Most users whose stored forwards are looked at: three features branch, and each is a load."""

StoredOf = Callable[[Aor], Snapshot]
"""What is stored for a user."""
Resolve = Callable[[str, Aor], Aor | None]
"""(forward target as it was written, whose it is) → the user that it reaches; None outside."""


def loops(presentity: Aor, target: Aor | None, stored_of: StoredOf, resolve: Resolve) -> bool:
    """Whether calls that the presentity forwards to the target can come back to the presentity.

    Every forward that is switched on counts, on busy and no answer too: it needs only one busy
    evening to close the ring. A ring that the presentity is not part of is not its loop.

    Args:
        presentity: who wants to forward.
        target: where to; None when that is no user of ours.
        stored_of: called at most `MAX_USERS` times, once for each user.
        resolve: the `aor` of what `Targets.analyse` says of a target.
    """
    seen: set[Aor] = set()
    reached = {target} if target else set()
    for _ in range(MAX_HOPS):
        if presentity in reached:
            return True
        further: set[Aor] = set()
        for user in sorted(reached - seen):
            if len(seen) == MAX_USERS:
                return False
            seen.add(user)
            further.update(_forwards(user, stored_of(user), resolve))
        reached = further
    return presentity in reached


def _forwards(user: Aor, stored: Snapshot, resolve: Resolve) -> set[Aor]:
    """The users that a user's calls are forwarded to."""
    written = {state.value(Value.FORWARD_TO) for state in stored.states if state.status}
    targets = {resolve(str(text), user) for text in written if text}
    return {target for target in targets if target}
