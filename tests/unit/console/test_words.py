"""What each page says: words that are there when it is opened, and none that nobody says."""

import json
import re
from functools import cache
from pathlib import Path

import pytest

from dfks_rules.console.files import FOLDER
from tests.helpers.server import ROOT

_IMPORT = re.compile(r'^(?:import|export)\b[^;]*?"(\.[^"]+\.js)"', re.MULTILINE)
_WORDS = re.compile(r'^ {2}"([\w. -]+)": \[', re.MULTILINE)
_SAID = re.compile(r'"([a-z-]+\.[\w-]+)"')
_FAMILY = re.compile(r'`([a-z-]+)\.\$\{|named\("([a-z-]+)"')
"""`t(`op.${…}`)` and `named("op", …)` say any word of a family."""
LEARNT = {path: set(_WORDS.findall(path.read_text("utf-8"))) for path in FOLDER.glob("words/*.js")}
ALL = set().union(*LEARNT.values())
SPEAKERS = [*FOLDER.glob("*.js"), *FOLDER.glob("pages/*.js"), *FOLDER.glob("parts/*.js")]


@cache
def _imported(path: Path) -> frozenset[Path]:
    """A file, and those that are there whenever it is."""
    found, left = {path, FOLDER / "app.js"}, [path, FOLDER / "app.js"]
    while left:
        one = left.pop()
        for name in _IMPORT.findall(one.read_text("utf-8")):
            other = (one.parent / name).resolve()
            if other not in found and "vendor" not in other.parts:
                found.add(other)
                left.append(other)
    return frozenset(found)


def _said(path: Path) -> set[str]:
    text = path.read_text("utf-8")
    families = {one or other for one, other in _FAMILY.findall(text)}
    return {key for key in _SAID.findall(text) if key in ALL or key.split(".")[0] in _heads()} | {
        key for key in ALL if key.split(".")[0] in families
    }


@cache
def _heads() -> frozenset[str]:
    return frozenset(key.split(".")[0] for key in ALL)


@pytest.mark.parametrize("path", SPEAKERS, ids=lambda path: path.stem)
def test_a_file_imports_the_words_that_it_says(path: Path) -> None:
    """Pages bring their words, so a missing import shows only to those who open that page first."""
    there = set().union(*(LEARNT.get(one, set()) for one in _imported(path.resolve())))
    assert _said(path) - there == set()


def test_each_word_is_said_and_learnt_once() -> None:
    """Words that nobody says weigh as much as others, and translators care for both."""
    assert set().union(*map(_said, SPEAKERS)) == ALL
    assert sum(map(len, LEARNT.values())) == len(ALL)


VOCABULARIES = {
    "agent": ("State", "state"),
    "check": ("Health", "status"),
    "effect": ("DecisionRow", "effect"),
    "event": ("NewWebhook", "types"),
    "feature": ("DecisionRow", "feature"),
    "import": ("Import", "status"),
    "node": ("Node", "state"),
    "op": ("DecisionRow", "op"),
    "origin": ("DecisionRow", "origin"),
    "presentity": ("Coming", "cause"),
    "rollout": ("Rollout", "state"),
    "try": ("WebhookTry", "result"),
    "value": ("State", None),
    "verdict": ("Rollout", "verdict"),
}
"""Family of words → where the OpenAPI document lists its values."""


def _listed(schema: object, field: str | None) -> set[str]:
    """The values of a field, wherever it is in a schema."""
    found: set[str] = set()
    if isinstance(schema, dict):
        properties = schema.get("properties", {})
        if field is None:
            return set(properties) - {"status", "forwardTo"}
        found |= set(re.findall(r"'enum': \[(.*?)\]", str(properties.get(field, {}))))
        found = {name for one in found for name in re.findall(r"'([^']+)'", one)}
        for one in schema.values():
            found |= _listed(one, field)
    return found


@pytest.mark.parametrize("family", VOCABULARIES)
def test_whatever_the_server_names_has_words(family: str) -> None:
    """A page in German with `workingAfterCall` in it is half a translation."""
    document = json.loads((ROOT / "schemas/openapi.json").read_text("utf-8"))
    schema, field = VOCABULARIES[family]
    listed = _listed(document["components"]["schemas"][schema], field)
    assert listed
    assert {f"{family}.{name}" for name in listed} - ALL == set()
