"""What facts are read from: one request, and everything known when it arrives."""

from datetime import datetime
from typing import NamedTuple

from dfks_rules.model.features import NOTHING_STORED, Snapshot
from dfks_rules.model.requests import FeatureRequest, Surroundings
from dfks_rules.model.values import Value
from dfks_rules.policy.site.site import NO_SITE, Site
from dfks_rules.policy.site.targets import Target

FactValue = str | int | tuple[str, ...] | None
"""None when the fact is absent."""


NOWHERE = Surroundings(lambda _aor: NOTHING_STORED)
"""Surroundings in which nothing is stored for anybody else."""


class View(NamedTuple):
    """Everything that the facts of one request are read from."""

    request: FeatureRequest
    """The request."""
    snapshot: Snapshot
    """What is stored for the presentity."""
    at: datetime
    """The time of the request, in the zone whose local time policies use."""
    around: Surroundings = NOWHERE
    """What else policies may look at."""
    site: Site = NO_SITE
    """What is known about users and numbers."""
    given: tuple[tuple[str, FactValue], ...] = ()
    """(Name, value) of derived facts that cases and logs give directly."""

    @property
    def target(self) -> Target | None:
        """The forward target: the one a set asks for, else the stored one; None if none."""
        request = self.request
        if request.feature is None:
            return None
        asked = request.asked and request.asked.value(Value.FORWARD_TO)
        text = asked or self.snapshot.state(request.feature).value(Value.FORWARD_TO)
        return self.site.targets.analyse(str(text), request.presentity) if text else None
