"""A candidate beside the policies in force, and what operators are told of it."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from dfks_rules.app.desk.rulesets import take_out
from dfks_rules.operations.policies import ShadowRow
from dfks_rules.policy.deciding.answer import answer_of
from dfks_rules.policy.deciding.live import LivePolicies, Shadow
from dfks_rules.policy.deciding.matching import Shards
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.policy.language.alternatives import Question


class Shadowing:
    """Begins and ends comparisons; one at a time."""

    def __init__(self, live: LivePolicies, shards: Shards) -> None:
        """Nothing is compared yet.

        Args:
            live: what decides.
            shards: where those of candidates come from.
        """
        self._live = live
        self._shards = shards
        self._path = ""
        self._since = datetime.min.replace(tzinfo=UTC)

    @property
    def row(self) -> ShadowRow | None:
        """What was found so far; None when nothing is compared."""
        shadow = self._live.shadow
        return report(shadow, self._path, self._since) if shadow else None

    @property
    def counts(self) -> Mapping[str, int]:
        """`policy:name` → how many decisions."""
        shadow = self._live.shadow
        return {
            "policy:shadow_same": shadow.same.total() if shadow else 0,
            "policy:shadow_different": shadow.different.total() if shadow else 0,
        }

    async def begin(self, candidate: PolicySet, path: str, now: datetime) -> ShadowRow:
        """Compare from now on, in place of any other.

        Args:
            candidate: in the engine; it is closed at the end.
            path: where it was read.
            now: when it begins.
        """
        await self.end()
        self._path, self._since = path, now
        return report(self._live.follow(candidate), path, now)

    def begin_anew(self, now: datetime) -> None:
        """Other policies decide from now on."""
        self._since = now

    async def end(self) -> None:
        """Compare no more."""
        shadow = self._live.unfollow()
        if shadow is not None:
            await take_out(shadow.candidate, self._shards)


def report(shadow: Shadow, path: str, since: datetime) -> ShadowRow:
    """What was found so far.

    Args:
        shadow: the comparison.
        path: where the candidate was read.
        since: when the comparison began.
    """
    samples = tuple(
        {
            "given": one.given,
            "active": answer_of(one.active),
            "shadow": one.other and answer_of(one.other),
        }
        for one in reversed(shadow.samples)
    )
    return ShadowRow(
        path,
        shadow.candidate.revision,
        since.isoformat(timespec="seconds"),
        _by_name(shadow.same),
        _by_name(shadow.different),
        shadow.failures,
        samples,
    )


def _by_name(counts: Counter[Question]) -> Mapping[str, int]:
    """`set DoNotDisturb`, `subscribe` and the like → how often."""
    return {
        f"{operation.value} {feature.value}" if feature else operation.value: count
        for (operation, feature), count in counts.items()
    }
