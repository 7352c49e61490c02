"""How many connections there may be."""

import resource
import subprocess
import sys
from collections.abc import Iterator

import pytest

from dfks_rules.transport.limits import most_connections, raise_file_limit


@pytest.fixture
def _own_limit() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def _allow(files: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))


@pytest.mark.usefixtures("_own_limit")
@pytest.mark.parametrize(
    ("files", "most"), [(20_000, 10_000), (1024, 824), (256, 56), (200, 1), (210, 10)]
)
def test_files_are_kept_for_everything_else(files: int, most: int) -> None:
    """The store, a reload and MI need some, whatever phones do."""
    _allow(files)
    assert most_connections(10_000) == most


@pytest.mark.usefixtures("_own_limit")
def test_soft_limit_becomes_the_hard_one() -> None:
    """Most systems set the soft one to 1,024 and leave the rest to the program."""
    _allow(512)
    raise_file_limit()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert soft == hard


def test_limit_that_the_kernel_does_not_allow_leaves_the_old_one() -> None:
    """A start must not fail for it."""
    code = (
        "import resource\n"
        "def refuse(*_): raise ValueError\n"
        "resource.getrlimit, resource.setrlimit = lambda _: (1024, -1), refuse\n"
        "from dfks_rules.transport.limits import raise_file_limit\n"
        "raise_file_limit()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=180)
