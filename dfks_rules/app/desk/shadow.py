"""A candidate beside the policies in force, as operators are told of it."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from dfks_rules.mi.ports import ShadowRow
from dfks_rules.policy.deciding.answer import answer_of
from dfks_rules.policy.deciding.live import Shadow
from dfks_rules.policy.language.alternatives import Question


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
