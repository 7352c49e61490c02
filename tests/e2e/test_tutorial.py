"""The pages that a newcomer and an operator follow, followed."""

import shutil
from pathlib import Path

import pytest

from tests.helpers.pages import Reader
from tests.helpers.postgres import Database, needs_postgres
from tests.helpers.published import ROOT

pytestmark = pytest.mark.e2e


def follow(page: str, folder: Path) -> None:
    """Do what the page says, all of it, in this folder."""
    Reader(folder).follow((ROOT / page).read_text(encoding="utf-8"))


def checkout(folder: Path) -> None:
    """What `make run` serves."""
    shutil.copy(ROOT / "dfks.yaml", folder)
    for name in ("policies", "schemas"):
        shutil.copytree(ROOT / name, folder / name)


_SECOND = "## In front of real phones"


def test_the_first_screen_of_the_readme_is_true(tmp_path: Path) -> None:
    """And what follows the second."""
    checkout(tmp_path)
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    first, second = page.split(_SECOND)
    Reader(tmp_path).follow(first + second[second.index("\n## ") :])


def test_the_second_screen_of_the_readme_is_true(tmp_path: Path) -> None:
    """With a certificate and a password, and on loopback, where ports are free."""
    checkout(tmp_path)
    second = (ROOT / "README.md").read_text(encoding="utf-8").split(_SECOND)[1]
    Reader(tmp_path).follow(second[: second.index("\n## ")].replace("0.0.0.0", "127.0.0.1"))


@pytest.mark.parametrize(
    "page",
    [
        "docs/tutorial/1-first-subscribe.md",
        *(
            f"docs/howto/{name}.md"
            for name in ("back-up", "night-shift", "trace", "troubleshoot", "upgrade")
        ),
    ],
)
def test_pages_for_a_checkout_are_true(page: str, tmp_path: Path) -> None:
    """Who is lost here does not come back."""
    checkout(tmp_path)
    follow(page, tmp_path)


@pytest.mark.parametrize(
    "page",
    [
        "docs/tutorial/2-first-policy.md",
        "docs/tutorial/3-policies-for-people-and-times.md",
        "docs/howto/install.md",
        "docs/howto/secure.md",
    ],
)
def test_pages_for_an_empty_folder_are_true(page: str, tmp_path: Path) -> None:
    """Every file, every command, every output."""
    follow(page, tmp_path)


@needs_postgres
def test_the_page_on_several_nodes_is_true(tmp_path: Path, empty_database: Database) -> None:
    """By a role that is no superuser, in a database of its own."""
    name, server = empty_database.name, empty_database.server
    if not server.run("SELECT FROM pg_roles WHERE rolname = 'dfks'"):
        server.run("CREATE ROLE dfks LOGIN")
    server.run(f"ALTER DATABASE {name} OWNER TO dfks")
    checkout(tmp_path)
    page = (ROOT / "docs/howto/several-nodes.md").read_text(encoding="utf-8")
    where = f"dfks@127.0.0.1:{server.port}/{name}"
    Reader(tmp_path).follow(page.replace("dfks@127.0.0.1:5432/dfks", where))
