"""What those who watch are shown of a presentity's states, by the rules there are."""

from enum import Enum

from dfks_rules.policy.facts.there import are_of_phones
from dfks_rules.service.ports import Policies


class Shown(Enum):
    """What a get tells."""

    AS_STORED = "stored"
    """What is stored: no rule shows anything else."""
    ALIKE = "alike"
    """All who watch a presentity are told the same."""
    TO_EACH_ITS_OWN = "own"
    """It depends on who asks."""


def shown_by(policies: Policies) -> Shown:
    """What gets tell by these policies."""
    reads = policies.reads_on_get
    if reads is None:
        return Shown.AS_STORED
    return Shown.TO_EACH_ITS_OWN if are_of_phones(reads) else Shown.ALIKE
