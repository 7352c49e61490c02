"""What a NOTIFY says, from what came of requests."""

from typing import Final

from dfks_rules.csta.render import Document
from dfks_rules.model.decisions import Denial, DenialAnswer, Outcome
from dfks_rules.model.features import FEATURES, Feature, FeatureState, Snapshot
from dfks_rules.model.gets import Got
from dfks_rules.model.requests import Operation, Origin

# CPython 3.11 calls a Python function for each look at a member of an Enum.
_GET: Final = Operation.GET
_REJECT: Final = DenialAnswer.REJECT
_INTERNAL: Final = Origin.INTERNAL

Documents = tuple[Document, ...]
"""The states that one NOTIFY tells, each feature once; empty for a NOTIFY without a body."""


def documents_of_get(
    outcomes: tuple[Outcome, ...], was_set: tuple[Outcome, ...] = ()
) -> Documents | None:
    """The states of features for the phone that asked; None when no NOTIFY is wanted.

    `notify: false` leaves a feature out; only when it leaves out all of them there is no NOTIFY.

    Args:
        outcomes: of the gets.
        was_set: outcomes of sets that came with the same SUBSCRIBE; they have the last word, unless
            another set has overtaken them.
    """
    told = _told_to_requester(outcomes)
    if not told and not any(outcome.decision.notify.requester for outcome in outcomes):
        return None
    if not was_set:
        return told
    stored = {outcome.request.feature: outcome.before for outcome in outcomes}
    current = tuple(
        set_ for set_ in was_set if set_.after == stored.get(set_.request.feature, set_.after)
    )
    return merge(told, _told_to_requester(current))


def documents_of_got(got: Got) -> Documents | None:
    """The same, where nothing was set."""
    gets = got.gets
    return gets.told if gets.is_told else None


def documents_of_set(outcomes: tuple[Outcome, ...]) -> Documents | None:
    """The states of the features that were set, for the phone that set them; None for no NOTIFY."""
    told = _told_to_requester(outcomes)
    if not told and not any(outcome.decision.notify.requester for outcome in outcomes):
        return None
    return tuple(dict(told).items())


def changes_to_tell(outcomes: tuple[Outcome, ...]) -> Documents:
    """The states that changed and that other watchers are to be told, as they are stored.

    The rules of the set say whether anyone is told (`notify`, `assigned`).
    """
    changed = {
        outcome.request.feature: outcome.after
        for outcome in outcomes
        if outcome.changed
        and outcome.decision.notify.others
        and outcome.request.feature is not None
        and outcome.told is not None
    }
    return tuple(changed.items())


def changes_between(before: Snapshot, after: Snapshot) -> Documents:
    """The states that differ, as they are stored afterwards."""
    pairs = zip(FEATURES, before.states, after.states, strict=True)
    return tuple([(feature, new) for feature, old, new in pairs if old != new])


def states_of(outcomes: tuple[Outcome, ...]) -> dict[Feature, FeatureState]:
    """What is stored after some sets, whether anyone is told or not."""
    return {
        outcome.request.feature: outcome.after
        for outcome in outcomes
        if outcome.request.feature is not None
    }


def _told_to_requester(outcomes: tuple[Outcome, ...]) -> Documents:
    return tuple(
        [
            (outcome.request.feature, outcome.told)
            for outcome in outcomes
            if outcome.told is not None
            and outcome.request.feature is not None
            and outcome.decision.notify.requester
        ]
    )


def merge(older: Documents, newer: Documents) -> Documents:
    """Both, with the newer state where a feature is in both."""
    if not older or not newer:
        return newer or older
    return tuple({**dict(older), **dict(newer)}.items())


def parted(outcomes: tuple[Outcome, ...]) -> tuple[tuple[Outcome, ...], tuple[Outcome, ...]]:
    """Outcomes of sets, and those of gets, which come last."""
    position = 0
    for outcome in outcomes:
        if outcome.request.operation is _GET:
            break
        position += 1
    return outcomes[:position], outcomes[position:]


def rejection_among(sets: tuple[Outcome, ...]) -> Denial | None:
    """The first refusal that is to be answered with 403; what only followed does not count."""
    for outcome in sets:
        denial = outcome.decision.denial
        if denial is None or denial.answer is not _REJECT:
            continue
        if outcome.request.requester.origin is not _INTERNAL:
            return denial
    return None
