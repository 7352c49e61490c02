"""What a shell is told."""

import pytest

from dfks_rules.cli.exit_codes import FAILED, INVALID, REFUSED_BY_POLICY, exit_code_of
from dfks_rules.errors import ConfigError, DfksError, PolicyError, StoreError
from dfks_rules.mi.errors import CallError


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError([]), INVALID),
        (PolicyError([]), INVALID),
        (CallError(403, "no"), REFUSED_BY_POLICY),
        (CallError(400, "Unknown feature"), FAILED),
        (StoreError("store_unavailable", "disk is full"), FAILED),
        (DfksError("mi_unreachable", "no server"), FAILED),
    ],
)
def test_scripts_can_tell_errors_apart(error: DfksError | CallError, code: int) -> None:
    """3 is for wrong files, 4 for a refusal, 1 for the rest."""
    assert exit_code_of(error) == code
