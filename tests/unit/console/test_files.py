"""What a browser is given."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dfks_rules.config.schema import schema_file
from dfks_rules.console.files import DESCRIPTIONS, FOLDER, in_german, read_files

_LONGEST = 200
_FOREIGN = re.compile(r"https?://(?!www\.w3\.org/)[\w.-]+")
_PART_OF = re.compile(r'(?:from |import\()"(\.[^"]+)"')


def test_only_what_a_browser_needs_is_served() -> None:
    """Licences, types and lists are for those who read the source."""
    assert {name.rpartition(".")[2] for name in read_files()} == {"html", "js", "css", "svg"}


def test_whatever_a_file_loads_is_there() -> None:
    """A page that is opened once a year would be the only one to miss it."""
    files = read_files()
    for name, body in files.items():
        for found in _PART_OF.findall(body.decode()):
            loaded = (FOLDER / name).parent.joinpath(found).resolve().relative_to(FOLDER.resolve())
            assert loaded.as_posix() in files, name


def test_comments_stay_here_and_lines_keep_their_numbers() -> None:
    """A fifth of each script is for who reads it; what browsers report is found there."""
    for name, body in read_files().items():
        if name.endswith(".js") and not name.startswith("vendor/"):
            ours = (FOLDER / name).read_text("utf-8").splitlines()
            for line, served in zip(ours, body.decode().splitlines(), strict=True):
                text = line.strip()
                assert (
                    not served.strip()
                    if text.startswith(("//", "* ", "*/"))
                    else served.strip() in (text, re.sub(r"/\*\*.*?(\*/|$)", "", text).strip())
                )


def test_nothing_is_asked_of_another_host() -> None:
    """It works where nothing else can be reached, and tells nobody who opens it."""
    for name, body in read_files().items():
        if not name.startswith("vendor/"):
            assert not _FOREIGN.findall(body.decode()), name


def test_the_page_has_no_script_and_no_style_of_its_own() -> None:
    """The browser is told to run none."""
    for name, body in read_files().items():
        if not name.startswith("vendor/"):
            text = body.decode()
            assert not re.search(r"<script>|<style|\bstyle=|\son\w+=\"|innerHTML|eval\(", text), (
                name
            )


def test_no_file_of_ours_is_long() -> None:
    """What is longer does two things."""
    for name, body in read_files().items():
        assert name.startswith("vendor/") or len(body.splitlines()) <= _LONGEST, name


def test_vendored_files_are_those_that_are_listed() -> None:
    """Each with its hash, and each package with its licence."""
    listed = json.loads((FOLDER / "vendor/vendor.json").read_text("utf-8"))
    licences = (FOLDER / "vendor/LICENSES.txt").read_text("utf-8")
    files = {name: body for name, body in read_files().items() if name.startswith("vendor/")}
    assert {f"vendor/{one['file']}" for one in listed} == set(files)
    for one in listed:
        told = hashlib.sha256(files[f"vendor/{one['file']}"]).hexdigest()
        assert told == one["sha256"], one["file"]
        for package in one["packages"]:
            assert package["license"] in ("MIT", "Apache-2.0", "BSD-3-Clause", "ISC")
            assert f"{package['name']} {package['version']}\n" in licences


def test_every_sentence_is_there_in_each_language() -> None:
    """With the same values in it."""
    pairs = 0
    for path in (FOLDER / "words").glob("*.js"):
        text = path.read_text("utf-8")
        for english, german in re.findall(r'\[\s*"([^"]*)",\s*"([^"]*)",?\s*\]', text):
            pairs += 1
            assert english, german
            assert set(re.findall(r"\{\w+\}", english)) == set(re.findall(r"\{\w+\}", german))
        assert text.count('": [') == len(re.findall(r'\[\s*"[^"]*",\s*"[^"]*",?\s*\]', text))
    assert pairs > 100


def test_each_page_has_one_in_the_docs() -> None:
    """Who looks for what a page means finds it by its name; `presentity` is with the list."""
    shown = {page.stem for page in (FOLDER / "pages").glob("*.js")} - {"login", "presentity"}
    docs = Path(__file__).parents[3] / "docs/howto/console"
    assert {page.stem for page in docs.glob("*.md")} == shown


def _described(value: Any) -> Iterator[str]:
    """Every description in a schema."""
    if isinstance(value, list):
        for one in value:
            yield from _described(one)
    elif isinstance(value, dict):
        if isinstance(value.get("description"), str):
            yield value["description"]
        for one in value.values():
            yield from _described(one)


def test_the_editor_explains_keys_and_facts_in_german() -> None:
    """Each of them, and the rest of the schema is as it is in English."""
    english = schema_file("policy").read_bytes()
    german = in_german(english)
    table = json.loads(DESCRIPTIONS.read_bytes())
    told = list(_described(json.loads(english)))
    assert [table[one] for one in told] == list(_described(json.loads(german)))
    assert table.keys() == set(told)
    for one, other in table.items():
        assert set(re.findall("`[^`]*`", one)) <= set(re.findall("`[^`]*`", other)) | {"`shadow`"}

    def bare(value: Any) -> Any:
        if isinstance(value, dict):
            kept = {key: bare(one) for key, one in value.items()}
            return {key: one for key, one in kept.items() if not isinstance(one, str)}
        return [bare(one) for one in value] if isinstance(value, list) else value

    assert bare(json.loads(german)) == bare(json.loads(english))
