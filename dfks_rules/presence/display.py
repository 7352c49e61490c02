"""What a phone is known to show, to tell its keys from sets that nobody meant.

Two kinds of such sets are known. An *echo*: the phone takes a NOTIFY for a change of its own, and
sends what it has just been told. A *repeat*: its SIP stack refreshes the subscription by itself,
and sends the body of the last set again. Both are harmless as long as nothing else has happened,
and undo what has.

A key changes what the phone shows. So a set that asks for what the phone is known to show is not
from a key, and is an echo. What it shows is known of a feature only when

- its last NOTIFY about the feature was answered before it was sent a second time, so that the
  answer belongs to the only copy, and came after everything that the phone had sent before; and
- since then the phone was told nothing else about the feature, and asked for nothing else.

In doubt a set is a set. For there to be no doubt while an echo is on its way, such a phone is told
nothing new for `QUIET` after each NOTIFY and its answer: what changes then is told afterwards. That
also bounds how fast phones can drive one another.

After each NOTIFY that says something, and its 2xx, a phone that echoes is quiet for `QUIET`:

| quiet? | input                                | NOTIFY        | next             |
|--------|--------------------------------------|---------------|------------------|
| yes    | change                               | none          | it is queued     |
| yes    | 2xx                                  | none          | quiet anew       |
| yes    | set that is not an echo              | without body, | it is queued     |
|        |                                      | if there is   |                  |
|        |                                      | none under way|                  |
| both   | set that is an echo                  | the same      | as it was        |
| both   | SUBSCRIBE for all states             | all features  | quiet anew       |
| no     | any, or it ended with a queue        | as above      | quiet            |

A repeat looks like a key that sets again what others have undone, but for the time: a phone
refreshes late in the life of its subscription. See docs/decisions/0018-device-profiles.md.
"""

from typing import NamedTuple, final

from dfks_rules.model.features import Feature, FeatureState
from dfks_rules.model.requests import Asked
from dfks_rules.presence.documents import Documents
from dfks_rules.presence.profile import Profile

QUIET = 2.0
"""How long a phone has to echo a NOTIFY, s, before it is told something else."""
ONLY_COPY = 0.5
"""A NOTIFY that is answered sooner was sent once, s: T1 (RFC 3261 §17.1.2.2)."""


class Meant(NamedTuple):
    """What of the sets in a SUBSCRIBE somebody meant."""

    asked: list[Asked]
    """The sets that count. Without any, the SUBSCRIBE is a refresh."""
    echoes: int = 0
    """How many were left out because they repeat what a NOTIFY told."""
    repeats: int = 0
    """How many because a phone repeats them by itself to refresh."""


@final
class Display:
    """What one phone is known to show, and the last sets that it sent."""

    __slots__ = ("_asked", "_asked_at", "_echoes", "_sent_at", "_shown", "quiet_until")

    def __init__(self) -> None:
        self._echoes = False
        """Whether it belongs to a phone that echoes."""
        self._shown: dict[Feature, FeatureState] = {}
        self._sent_at = 0.0
        self._asked: list[Asked] = []
        """The sets in the last SUBSCRIBE."""
        self._asked_at = 0.0
        self.quiet_until = 0.0
        """Until when the phone is told nothing new, monotonic seconds."""

    # --- What it is told ---

    def sent(self, documents: Documents, now: float) -> None:
        """A NOTIFY is on its way: who knows when the phone shows what it says."""
        if not self._echoes:
            return
        self._sent_at = now
        for feature, _ in documents:
            self._shown.pop(feature, None)
        if documents:
            self.quiet_until = now + QUIET

    def confirmed(self, documents: Documents, now: float) -> None:
        """That NOTIFY was answered 2xx."""
        if not self._echoes:
            return
        if documents:
            self.quiet_until = now + QUIET
        if now - self._sent_at < ONLY_COPY:
            self._shown.update(documents)

    def failed(self) -> None:
        """That NOTIFY came to nothing."""
        self.quiet_until = 0.0

    # --- What it asks for ---

    def meant(self, asked: list[Asked], profile: Profile, deadline: float, now: float) -> Meant:
        """What somebody meant of the sets in a SUBSCRIBE; to be called for each one, once.

        Args:
            asked: the sets.
            profile: how the phone is treated.
            deadline: when its subscription expires, monotonic seconds.
            now: monotonic seconds.
        """
        self._echoes = profile.echoes_ignored
        is_repeat = bool(asked) and asked == self._asked and self._refreshes(profile, deadline, now)
        self._asked, self._asked_at = asked, now
        if is_repeat:
            return Meant([], repeats=len(asked))
        if not self._echoes:
            return Meant(asked)
        keys = [one for one in asked if not self._shows(one)]
        for one in keys:
            self._shown.pop(one.feature, None)
        return Meant(keys, echoes=len(asked) - len(keys))

    def _refreshes(self, profile: Profile, deadline: float, now: float) -> bool:
        """Whether it is time for the phone to refresh by itself."""
        if profile.refreshes_from is None:
            return False
        granted = deadline - self._asked_at
        return now - self._asked_at >= profile.refreshes_from * granted

    def _shows(self, asked: Asked) -> bool:
        """Whether the phone is known to show what it asks for."""
        shown = self._shown.get(asked.feature)
        if shown is None or shown.status is not asked.state.status:
            return False
        return all(value in shown.values for value in asked.state.values)
