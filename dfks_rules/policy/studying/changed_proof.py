"""What each changed file beside policies changes in their decisions: proved, or shown."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dfks_rules.errors import PolicyError
from dfks_rules.policy.deciding.compiled import CompiledPolicies, compile_policies
from dfks_rules.policy.proof.differing import Solver, by_search
from dfks_rules.policy.proof.points import Horizon
from dfks_rules.policy.reading.read_site import attributes_read, read_site
from dfks_rules.policy.reading.source import DIRECTORY, NUMBER_PLAN, Source, kind_of
from dfks_rules.policy.site.site import Site, make_site
from dfks_rules.policy.studying.changed_files import (
    SHARED,
    ChangedFile,
    changed_directory,
    changed_plan,
    changed_shared,
)
from dfks_rules.policy.studying.proved import Proof, prove_alike
from dfks_rules.policy.studying.site_proof import Late, never, prove_site


class Side(NamedTuple):
    """One set of policies."""

    sources: Sequence[Source]
    """Its files."""
    compiled: CompiledPolicies
    """What they say."""


class Changed(NamedTuple):
    """A file that has changed, and what follows from that."""

    file: ChangedFile
    """The file."""
    proof: Proof | None
    """What the new policies decide otherwise because of it; None: that is not told apart from what
    has changed in the policies, as they cannot do without it, or it takes too long."""

    @property
    def is_beside(self) -> bool:
        """Whether rules read it as they decide, so that comparing rules does not compare it."""
        return self.file.kind not in SHARED


def changed_sites(old: Side, new: Side) -> tuple[Site, Site]:
    """Both sites, with what the new policies read of users."""
    if attributes_read(new.sources) <= attributes_read(old.sources):
        return old.compiled.site, new.compiled.site
    data = [one for one in old.sources if kind_of(one) in (DIRECTORY, NUMBER_PLAN)]
    rules = [one for one in new.sources if kind_of(one) not in (DIRECTORY, NUMBER_PLAN)]
    return read_site([*data, *rules])[0], new.compiled.site


def prove_changed(
    old: Side,
    new: Side,
    horizon: Horizon,
    *,
    solver: Solver = by_search,
    late: Late = never,
) -> Iterator[Changed]:
    """Each file of users, numbers, constants, variables or days that has changed.

    What lists, variables and calendars change is part of what the rules change, too: they are
    written into them. What directories and number plans change is not.

    Args:
        old: one set.
        new: the other.
        horizon: for when it is proved.
        solver: what answers.
        late: whether it has taken too long.
    """
    before, after = old.sources, new.sources
    one, other = changed_sites(old, new)
    users = changed_directory(before, after, one.directory, other.directory)
    between = make_site(other.directory, one.targets.plan)
    if users is not None:
        yield Changed(
            users, prove_site(new.compiled, one, between, horizon, solver=solver, late=late)
        )
    plan = changed_plan(before, after, one.targets.plan, other.targets.plan)
    if plan is not None:
        yield Changed(
            plan, prove_site(new.compiled, between, other, horizon, solver=solver, late=late)
        )
    for file in changed_shared(before, after):
        if late():
            yield Changed(file, None)
        else:
            yield Changed(file, _proved(file, new, horizon, solver))


def _proved(
    file: ChangedFile,
    new: Side,
    horizon: Horizon,
    solver: Solver,
) -> Proof | None:
    """What is decided otherwise with a file as it was."""
    kept = [source for source in new.sources if source is not file.after]
    mixed = kept if file.before is None else [*kept, file.before]
    try:
        return prove_alike(compile_policies(mixed), new.compiled, horizon, solver=solver)
    except PolicyError:
        return None
