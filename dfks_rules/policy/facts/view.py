"""What facts are read from: one request, and all that is known when it comes."""

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
"""Nobody else is there."""


class View(NamedTuple):
    """Everything that the facts of one request are read from."""

    request: FeatureRequest
    """What is asked."""
    snapshot: Snapshot
    """What is stored for the presentity."""
    at: datetime
    """Now, in the zone whose local time policies mean."""
    around: Surroundings = NOWHERE
    """What else there is."""
    site: Site = NO_SITE
    """What is known of users and numbers."""
    given: tuple[tuple[str, FactValue], ...] = ()
    """(Name, value) of derived facts, where somebody says what they are: in cases and logs."""

    @property
    def target(self) -> Target | None:
        """Where calls would go: what a set asks for, else what is stored; None for nowhere."""
        request = self.request
        if request.feature is None:
            return None
        asked = request.asked and request.asked.value(Value.FORWARD_TO)
        text = asked or self.snapshot.state(request.feature).value(Value.FORWARD_TO)
        return self.site.targets.analyse(str(text), request.presentity) if text else None
