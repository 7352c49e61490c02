"""Phrases in German, for those who tell them.

`de.json` has them: template → German with the same placeholders. What it lacks, such as text
without a word in it, is the same in both languages.
"""

from functools import cache
from importlib import resources
from typing import Any

import orjson

from dfks_rules.phrases.phrase import Phrase

ENGLISH, GERMAN = "en", "de"
LANGUAGES = (ENGLISH, GERMAN)
"""What can be told; the first one where nothing else is asked for."""


def german(text: str) -> str:
    """A phrase in German; other text as it is."""
    if not isinstance(text, Phrase):
        return text
    values = {
        name: german(one) if isinstance(one, str) else one for name, one in text.values.items()
    }
    return table().get(text.template, text.template).format(**values)


def to_json(value: Any, language: str, *, option: int = 0) -> bytes:
    """JSON with all phrases in it in a language.

    Args:
        value: what `orjson` takes.
        language: one of `LANGUAGES`.
        option: of `orjson`.
    """
    if language != GERMAN:
        return orjson.dumps(value, option=option)
    return orjson.dumps(value, _default, option | orjson.OPT_PASSTHROUGH_SUBCLASS)


@cache
def table() -> dict[str, str]:
    """Template → German."""
    read: dict[str, str] = orjson.loads(
        resources.files(__package__).joinpath("de.json").read_bytes()
    )
    return read


def _default(value: Any) -> Any:
    if isinstance(value, Phrase):
        return german(value)
    if isinstance(value, str):
        return str.__str__(value)
    # `orjson` passes these on as well, such as a Counter, which it would tell by itself.
    kinds: tuple[type[Any], ...] = int, dict, list
    for kind in kinds:
        if isinstance(value, kind):
            return kind(value)
    message = f"{type(value).__name__} is not JSON"
    raise TypeError(message)


def language_of(header: str) -> str:
    """The language of `LANGUAGES` that an Accept-Language header prefers (RFC 9110 §12.5.4)."""
    best, most = ENGLISH, 0.0
    for part in header[:1_000].split(","):
        tag, _, parameter = part.partition(";")
        language = tag.strip().lower().partition("-")[0]
        if language in LANGUAGES and (weight := _weight(parameter.strip())) > most:
            best, most = language, weight
    return best


def _weight(parameter: str) -> float:
    if not parameter:
        return 1.0
    name, _, number = parameter.partition("=")
    try:
        return float(number) if name.strip().lower() == "q" else 0.0
    except ValueError:
        return 0.0
