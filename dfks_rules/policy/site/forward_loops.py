"""Whether forwarded calls can come back to where they started."""

from collections.abc import Callable

from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.model.values import Value

MAX_HOPS = 8
"""Longest chain of forwards that is followed; no call survives more (servers in the field stop
after 3 to 10)."""
MAX_USERS = 32
"""Most users whose stored forwards are examined: three features branch, and each user is a load."""

StoredOf = Callable[[Aor], Snapshot]
"""Gives what is stored for a user."""
Resolve = Callable[[str, Aor], Aor | None]
"""(forward target as written, its owner) → the user it reaches; None outside the site."""


def loops(presentity: Aor, target: Aor | None, stored_of: StoredOf, resolve: Resolve) -> bool:
    """Whether calls the presentity forwards to the target can come back to the presentity.

    Every active forward counts, also those on busy and on no answer: one busy line is enough to
    close the loop. A loop that does not include the presentity does not count.

    Args:
        presentity: the user who wants to forward.
        target: the user forwarded to; None when it is not one of ours.
        stored_of: loads what is stored for a user; called at most `MAX_USERS` times, once per user.
        resolve: gives the `aor` of the target that `Targets.analyse` returns.
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
    """The users to whom a user's calls are forwarded."""
    written = {state.value(Value.FORWARD_TO) for state in stored.states if state.status}
    targets = {resolve(str(text), user) for text in written if text}
    return {target for target in targets if target}
