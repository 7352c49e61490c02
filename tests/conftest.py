"""Property tests draw a new seed for each run and print it: `--hypothesis-seed=N` repeats a run.

A test has no deadline: a timing is no test.
"""

import os
import secrets
from collections.abc import Iterator

import pytest
from hypothesis import settings

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
