"""Exit codes, as shells see them."""

from dfks_rules.errors import ConfigError, DfksError, PolicyError
from dfks_rules.mi.errors import REFUSED, CallError

DONE = 0
FAILED = 1
USAGE = 2
INVALID = 3
"""Policies or settings are invalid."""
REFUSED_BY_POLICY = 4
CASE_FAILED = 5
"""A case of a policy did not come out as expected, or a proof was refuted."""
NOT_DECIDED = 6
"""What policies mean was neither proved nor refuted."""


def exit_code_of(error: DfksError | CallError) -> int:
    """The exit code for an error."""
    if isinstance(error, PolicyError | ConfigError):
        return INVALID
    if isinstance(error, CallError) and error.code == REFUSED:
        return REFUSED_BY_POLICY
    # An `ApiError`; to import its class takes longer than most commands.
    if getattr(error, "kind", "") == "refused-by-policy":
        return REFUSED_BY_POLICY
    return FAILED
