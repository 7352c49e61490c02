"""The pages that a newcomer and an operator follow, followed."""

import shutil
from pathlib import Path

import pytest

from tests.helpers.pages import Reader
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


@pytest.mark.parametrize(
    "page", ["README.md", "docs/tutorial/1-first-subscribe.md", "docs/howto/night-shift.md"]
)
def test_pages_for_a_checkout_are_true(page: str, tmp_path: Path) -> None:
    """Who is lost here does not come back."""
    checkout(tmp_path)
    follow(page, tmp_path)


@pytest.mark.parametrize("page", ["docs/tutorial/2-first-policy.md"])
def test_pages_for_an_empty_folder_are_true(page: str, tmp_path: Path) -> None:
    """Every file, every command, every output."""
    follow(page, tmp_path)
