"""What policies know about users and numbers, from the Directory and NumberPlan files."""

from collections.abc import Callable
from typing import NamedTuple

from dfks_rules.model.features import Snapshot
from dfks_rules.model.identity import Aor
from dfks_rules.policy.site.directory import Directory
from dfks_rules.policy.site.forward_loops import loops
from dfks_rules.policy.site.number_plan import NumberPlan
from dfks_rules.policy.site.targets import CLASSES, Target, Targets


class Site(NamedTuple):
    """The users of a site, and how its forward targets are read."""

    directory: Directory
    """Groups, roles and numbers of users."""
    targets: Targets
    """Reads forward targets."""
    classes: frozenset[str]
    """Every class a target can have."""

    def loops(self, presentity: Aor, target: Target, stored_of: Callable[[Aor], Snapshot]) -> bool:
        """Whether calls the presentity forwards to the target can come back to it.

        Raises:
            StoreError: what is stored for another user cannot be read.
        """
        return loops(presentity, target.aor, stored_of, self._user_at)

    def _user_at(self, text: str, presentity: Aor) -> Aor | None:
        return self.targets.analyse(text, presentity).aor


def make_site(directory: Directory, plan: NumberPlan) -> Site:
    """The site described by a directory and a number plan."""
    classes = frozenset(CLASSES) | frozenset(plan.prefixes.values())
    return Site(directory, Targets(plan, directory), classes)


NO_SITE = make_site(Directory(), NumberPlan())
"""A site without Directory and NumberPlan files."""
