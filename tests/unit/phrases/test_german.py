"""Each phrase in German, as a whole and with all of its values."""

import ast
import re
import string
from collections import Counter
from collections.abc import Iterator

import orjson
import pytest

from dfks_rules.phrases.german import german, language_of, table, to_json
from dfks_rules.phrases.phrase import joined, phrase
from tests.helpers.server import ROOT


def _made() -> Iterator[tuple[str, ast.expr]]:
    """(where, the template) of every phrase that the code makes."""
    for file in (ROOT / "dfks_rules").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "phrase":
                yield f"{file.relative_to(ROOT)}:{node.lineno}", node.args[0]


MADE = list(_made())
TEMPLATES = {str(one.value) for _, one in MADE if isinstance(one, ast.Constant)}


def _placeholders(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}


def _has_words(template: str) -> bool:
    text = "".join(literal for literal, _, _, _ in string.Formatter().parse(template))
    return re.search(r"[^\W\d_]", re.sub("`[^`]*`", "", text)) is not None


def test_every_template_is_written_out_where_the_phrase_is_made() -> None:
    """Otherwise nobody could tell whether it has its German."""
    assert [where for where, one in MADE if not isinstance(one, ast.Constant)] == []
    assert len(TEMPLATES) > 500


def test_every_phrase_has_its_german_and_no_other_has() -> None:
    """Whoever adds a message adds it in both languages, and removes it from both."""
    worded = {one for one in TEMPLATES if _has_words(one)}
    assert worded - table().keys() == set()
    assert table().keys() - TEMPLATES == set()


@pytest.mark.parametrize("template", sorted(table()))
def test_the_german_says_all_that_the_english_says(template: str) -> None:
    """No value is left out, and none is asked for that is not there."""
    assert _placeholders(table()[template]) == _placeholders(template)


def test_values_that_are_phrases_are_told_in_german_too() -> None:
    """A hint, a reason, what was expected instead."""
    made = phrase(
        "unknown fact `{name}`{hint}", name="x", hint=phrase(" (did you mean `{word}`?)", word="y")
    )
    assert german(made) == "unbekannter Fakt `x` (meintest du `y`?)"
    assert german(joined(phrase(" and "), ["`a`", phrase("a phone")])) == "`a` und ein Telefon"
    assert german("no phrase") == "no phrase"


def test_json_is_told_in_a_language_however_deep_a_phrase_is() -> None:
    """What is no phrase stays: names, and the author's own text."""
    value = {"message": phrase("file is empty"), "all": [{"of": phrase("a list")}], "name": "rule"}
    assert orjson.loads(to_json(value, "en")) == value
    assert orjson.loads(to_json(value, "de")) == {
        "message": "die Datei ist leer",
        "all": [{"of": "eine Liste"}],
        "name": "rule",
    }
    with pytest.raises(TypeError, match="not JSON serializable"):
        to_json({"value": object()}, "de")


class _Places(list[int]):
    """A list of a class of its own."""


class _Place(int):
    """A number of a class of its own."""


def test_json_takes_the_same_values_in_either_language() -> None:
    """An answer that counts by a Counter must not fail for whoever reads German."""
    value = {"counts": Counter(a=1), "places": _Places([1]), "place": _Place(2)}
    assert to_json(value, "de") == to_json(value, "en")


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("de", "de"),
        ("de-AT, en;q=0.8", "de"),
        ("en-GB, de;q=0.9", "en"),
        ("en;q=0.2, DE ; q=0.7", "de"),
        ("fr, de;q=0.5", "de"),
        ("fr, *", "en"),
        ("de;q=0", "en"),
        ("de;q=nonsense, en;q=0.1", "en"),
        ("de;level=1", "en"),
    ],
)
def test_the_language_is_the_one_that_is_preferred(header: str, language: str) -> None:
    """RFC 9110 §12.5.4."""
    assert language_of(header) == language
