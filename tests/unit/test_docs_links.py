"""The pages hang together: each is in the index, and no link leads nowhere."""

import re
from pathlib import Path

import pytest

from tests.helpers.published import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
INDEX = DOCS / "README.md"
TOP = sorted(ROOT.glob("*.md"))
PICTURES = DOCS / "pictures"


def links_of(page: Path) -> list[str]:
    """Targets of the links and pictures of a page that lead to files here; code is no link."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    found = re.findall(r"\]\(([^)\s]+)\)", text) + re.findall(r'\bsrc(?:set)?="([^"]+)"', text)
    return [to for to in found if not to.startswith("http")]


def anchors_of(page: Path) -> set[str]:
    """What `#…` can name, made of titles as code hosts do."""
    titles = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title).lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", [*TOP, *PAGES], ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """A reader follows them when in trouble."""
    for link in links_of(page):
        file, _, anchor = link.partition("#")
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target), link


def test_every_page_is_in_the_index() -> None:
    """What is not listed is not found."""
    listed = [(DOCS / link).resolve() for link in links_of(INDEX)]
    assert sorted(listed) == [page for page in PAGES if page != INDEX]


def test_every_example_is_in_the_readme_with_a_line() -> None:
    """They are what an author starts from."""
    text = (ROOT / "README.md").read_text("utf-8")
    for folder in (ROOT / "policies/examples").iterdir():
        assert f"[{folder.name}](policies/examples/{folder.name}/README.md)" in text


def test_pictures_for_light_and_dark_differ_in_their_colours_only() -> None:
    """A change of one that is forgotten in the other misleads half of the readers."""
    for light in PICTURES.glob("*-light.svg"):
        dark = light.with_name(light.name.replace("-light", "-dark"))
        drawn = [re.sub(r"#[0-9a-f]{6}\b", "#", one.read_text("utf-8")) for one in (light, dark)]
        assert drawn[0] == drawn[1], light.name
