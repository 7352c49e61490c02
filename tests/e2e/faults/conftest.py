"""Each failure is a row of docs/topics/durability.md, which names its test."""

from pathlib import Path

import pytest

from tests.helpers.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A machine on which nothing fails yet."""
    return Site(tmp_path)
