"""What `dfks policy check --complete` proves, within a time."""

import time
from collections.abc import Sequence

from dfks_rules.app.alarm import OverError, at_most
from dfks_rules.cli.policy.zones import solver
from dfks_rules.errors import Finding
from dfks_rules.policy.lint.allowing import not_allowed
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.disproved import upheld
from dfks_rules.policy.studying.redundant import Examination, Examined

_DEAD = ("policy_shadowed", "policy_duplicate_rule", "policy_needless_exception")
"""Codes that say of a rule that it changes nothing."""
_LEAST = 0.001
"""Seconds; an alarm in none would never ring."""


class Completing:
    """Proves of sets of policies, one after the other, until the time for all is over."""

    def __init__(self, horizon: Horizon, within: float) -> None:
        """The time begins now.

        Args:
            horizon: for when something is proved.
            within: seconds for all sets together.
        """
        self._horizon = horizon
        self._ends = time.monotonic() + within
        self.left: list[Examined] = []
        """The rules for which there was no time."""

    def completed(self, findings: list[Finding], sources: Sequence[Source]) -> list[Finding]:
        """The findings of `lint`, less what is disproved, and what only a proof finds.

        Args:
            findings: about these files.
            sources: one set of policies, without errors.
        """
        told = {finding[:3] for finding in findings if finding.code in _DEAD}
        examination = Examination(sources, self._horizon, solver())
        try:
            with at_most(max(_LEAST, self._ends - time.monotonic())):
                findings = upheld(findings, sources, self._horizon, solver())
                examination.go_on()
        except OverError:
            self.left += examination.left
        found = not_allowed(dict.fromkeys(examination.findings), sources)
        return [*findings, *(one for one in found if one[:3] not in told)]
