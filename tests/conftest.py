"""Property tests draw a new seed for each run and print it: `--hypothesis-seed=N` repeats a run.

A test has no deadline: a timing is no test. Those that must measure one are marked `alone`, and run
when no others do; the others run beside one another (`pytest -n 3`), and each file in one process.
"""

import os
import secrets
from collections.abc import Iterator

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from dfks_rules.cli.compiled import advice
from dfks_rules.store.postgres.schema import migrate
from tests.helpers.postgres import Cluster, Database, cluster, fresh_database

settings.register_profile("dfks", deadline=None, print_blob=True)
settings.load_profile("dfks")

# Where it is set, a server or a command that a test starts compiles 300 modules each time: a third
# of its time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Draws the seed, and refuses to test code that was compiled before its source changed."""
    if told := advice():
        raise pytest.UsageError(told)
    if config.option.hypothesis_seed is None:
        config.option.hypothesis_seed = str(secrets.randbelow(2**32))


class _Scheduling(LoadScopeScheduling):
    """Each file to one worker, in the order in which they were collected."""

    def _split_scope(self, nodeid: str) -> str:
        """Tests of one scope share what is started or built for all of them."""
        file = nodeid.partition("::")[0]
        return _BUILT if file.startswith(_BUILT) else file


_BUILT = "tests/long/delivery/"
"""What is delivered takes minutes to build, and is built once."""


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Who gives tests to workers."""
    config.option.loadscopereorder = False
    return _Scheduling(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes long begins first, so that no worker has it left when the others have ended.

    Time limits tell what that is, and servers take time. The order within a file, and that of
    files that take as long, stays what the seed made of it.
    """

    def key(item: pytest.Item) -> tuple[float, bool]:
        limit = item.get_closest_marker("timeout")
        return -limit.args[0] if limit else 0.0, item.get_closest_marker("e2e") is None

    items.sort(key=key)


def pytest_report_header(config: pytest.Config) -> str:
    """The line that says how to repeat this run."""
    return f"property tests: --hypothesis-seed={config.option.hypothesis_seed}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Cluster]:
    """A PostgreSQL that all tests share; for those that do not stop it. Mark: `needs_postgres`."""
    with cluster() as server:
        yield server


@pytest.fixture
def empty_database(postgres_server: Cluster) -> Iterator[Database]:
    """A database with nothing in it, for one test."""
    with fresh_database(postgres_server) as database:
        yield database


@pytest.fixture
async def database(empty_database: Database) -> Database:
    """A database with our tables, for one test."""
    await migrate(empty_database.url)
    return empty_database
