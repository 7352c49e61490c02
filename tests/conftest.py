"""Hypothesis runs the same examples each time, and has no deadline: a timing is no test."""

import pytest
from hypothesis import settings

from dfks_rules.cli.compiled import advice

settings.register_profile("dfks", deadline=None, derandomize=True)
settings.load_profile("dfks")


def pytest_configure() -> None:
    """Tests of what was compiled before the source was changed would prove nothing."""
    if told := advice():
        raise pytest.UsageError(told)
