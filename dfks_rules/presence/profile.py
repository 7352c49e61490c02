"""How one kind of phone is told, and what its sets mean: a profile, found by User-Agent.

Reference: docs/reference/phones.md, docs/decisions/0018-device-profiles.md
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, final

from dfks_rules.csta.style import USUAL, BodyStyle
from dfks_rules.presence.package import OnNotifyTimeout
from dfks_rules.sip.digest import Algorithm

REMEMBERED = 1_024
"""How many User-Agents are remembered with their profiles: one for each model and firmware."""


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """How one kind of phone is treated. Equal only to itself."""

    name: str
    style: BodyStyle = USUAL
    """How bodies are written."""
    device: str | None = None
    """The text of `<device>`; None for what the phone sent last, or else the user."""
    device_is_user: bool = False
    """Whether the text is the user of the presentity, whatever the phone sent."""
    multipart: bool = True
    """Whether several features may be in one NOTIFY."""
    max_body: int | None = None
    """Longest body of a NOTIFY that tells several features, bytes; None for no limit."""
    on_notify_timeout: OnNotifyTimeout | None = None
    """What becomes of a subscription whose NOTIFYs nobody answers; None for the server's choice."""
    notify_timeouts: int = 1
    """After how many in a row it becomes that."""
    seen: bool = False
    """Whether NOTIFYs go to where the phone is seen, whatever its Contact says."""
    echoes_ignored: bool = False
    """Whether a set that repeats what a NOTIFY has just told is ignored."""
    refreshes_from: float | None = None
    """From which part of its time on the phone refreshes a subscription by repeating its last set;
    None for a phone that does not."""
    algorithms: tuple[Algorithm, ...] = ()
    """What digest challenges are limited to; empty for no limit."""

    def device_for(self, said: str, user: str) -> str:
        """Text of `<device>`.

        Args:
            said: what the phone sent last, or else the user.
            user: that of the presentity.
        """
        if self.device is not None:
            return self.device
        return user if self.device_is_user else said

    @property
    def doubts_sets(self) -> bool:
        """Whether the phone sends sets that nobody meant."""
        return self.echoes_ignored or self.refreshes_from is not None

    @property
    def splits(self) -> bool:
        """Whether what is told may need several NOTIFYs."""
        return not self.multipart or self.max_body is not None


DEFAULT = Profile("default")
"""The profile of phones that no other matches."""


class Row(NamedTuple):
    """A profile, and whom it is for."""

    patterns: tuple[str, ...]
    """Patterns of User-Agents, in which `*` stands for any text; case does not matter."""
    profile: Profile


@final
class Profiles:
    """Finds the profile of a phone: the first one that has a pattern for its User-Agent."""

    def __init__(self, rows: Iterable[Row] = (), default: Profile = DEFAULT) -> None:
        self.of: Final = lru_cache(maxsize=REMEMBERED)(self._of)
        """The profile for a User-Agent; None for a phone that sends none."""
        self.use(rows, default)

    def use(self, rows: Iterable[Row], default: Profile = DEFAULT) -> None:
        """Find in these from now on.

        Args:
            rows: the profiles, those that are tried first ahead.
            default: for phones that none of them matches.
        """
        self._rows = [
            ([(text, text.lower().split("*")) for text in row.patterns], row.profile)
            for row in rows
        ]
        self._default = default
        self.of.cache_clear()

    def find(self, user_agent: str | None) -> tuple[Profile, str | None]:
        """The profile for a User-Agent, and the pattern that chose it; None for the default."""
        if user_agent is not None:
            text = user_agent.lower()
            for patterns, profile in self._rows:
                for pattern, parts in patterns:
                    if _matches(parts, text):
                        return profile, pattern
        return self._default, None

    def _of(self, user_agent: str | None) -> Profile:
        return self.find(user_agent)[0]


def _matches(parts: list[str], text: str) -> bool:
    """Whether a text is these parts, with any text in between; in one pass."""
    first, last = parts[0], parts[-1]
    if len(parts) == 1:
        return text == first
    end = len(text) - len(last)
    position = len(first)
    if position > end or not text.startswith(first) or not text.endswith(last):
        return False
    for part in parts[1:-1]:
        found = text.find(part, position, end)
        if found < 0:
            return False
        position = found + len(part)
    return True
