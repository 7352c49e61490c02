"""The files that a browser is given."""

import re
from pathlib import Path
from typing import Any

import orjson

FOLDER = Path(__file__).parent / "static"
DESCRIPTIONS = Path(__file__).with_name("descriptions.de.json")
"""What schemas say about keys and values → the same in German."""
_SERVED = frozenset((".html", ".js", ".css", ".svg"))
"""Not what only developers read."""
_COMMENT = re.compile(rb"^[ \t]*//[^\n]*|/\*\*.*?\*/", re.MULTILINE | re.DOTALL)


def read_files() -> dict[str, bytes]:
    """Path below the console, with `/` between its parts → what browsers need of it.

    Comments and types are a fifth of the scripts' weight. Lines keep their numbers.
    """
    found = sorted(path for path in FOLDER.rglob("*") if path.suffix in _SERVED)
    named = {path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in found}
    return {name: _bare(body) if _is_ours(name) else body for name, body in named.items()}


def in_german(schema: bytes) -> bytes:
    """A schema that says in German what keys and values are; names stay as they are."""
    told: dict[str, str] = orjson.loads(DESCRIPTIONS.read_bytes())

    def described(value: Any) -> Any:
        if isinstance(value, list):
            return [described(one) for one in value]
        if not isinstance(value, dict):
            return value
        copy = {key: described(one) for key, one in value.items()}
        if isinstance(text := value.get("description"), str):
            copy["description"] = told[text]
        return copy

    return orjson.dumps(described(orjson.loads(schema)))


def _is_ours(name: str) -> bool:
    return name.endswith(".js") and not name.startswith("vendor/")


def _bare(script: bytes) -> bytes:
    return _COMMENT.sub(lambda comment: b"\n" * comment[0].count(b"\n"), script)
