"""Everything that is written down of what is decided."""

from collections.abc import Callable

from dfks_rules.app.records.decision_log import DecisionLog
from dfks_rules.app.records.decisions import Decisions
from dfks_rules.app.records.logs import LoggedOutcomes
from dfks_rules.config.settings import DecisionSettings
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.service.feed import Feed


class Recording:
    """The feed of a server, and what listens to it first."""

    def __init__(
        self,
        level: str,
        kept: DecisionSettings,
        start: str,
        set_of: Callable[[str], PolicySet | None],
    ) -> None:
        """Nothing is decided yet.

        Args:
            level: the least level that is logged.
            kept: what is kept of decisions.
            start: what the ids of decisions begin with.
            set_of: the policies of a revision; None when they are gone.
        """
        self._file = None if kept.file is None else DecisionLog(kept.file, mask=kept.mask)
        self.log = LoggedOutcomes(level)
        """Writes log lines, and counts."""
        self.decisions = Decisions(kept.keep, start, set_of, self._file)
        """Keeps the last ones."""
        self.feed = Feed()
        """Tells of what is decided."""
        self.feed.listen(self.log.hear)
        self.feed.listen(self.decisions.hear)

    def close(self) -> None:
        """Write the rest of the decision log."""
        if self._file is not None:
            self._file.close()
