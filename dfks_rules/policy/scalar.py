"""One value → YAML that our strict reader, other YAML readers and people read alike."""

import json
from functools import lru_cache
from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def scalar(value: Any) -> str:
    """A text, number or boolean in one line; text is in double quotes only where it must be."""
    if isinstance(value, str):
        return value if _plain(value) else _quoted(value)
    return json.dumps(value)


def flow(value: Any) -> str:
    """A value in one line, mappings and lists in braces and brackets."""
    if isinstance(value, dict):
        pairs = ", ".join(f"{scalar(key)}: {flow(one)}" for key, one in value.items())
        return f"{{{pairs}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow, value))}]"
    return scalar(value)


@lru_cache(maxsize=4096)
def _plain(text: str) -> bool:
    """Whether text needs no quotes anywhere, in YAML 1.1 and 1.2.

    `+4930123456`, `0123`, `12:30`, `no` and `2026-12-25` do: others read numbers, booleans and
    dates where we read text.
    """
    if not text.isprintable() or _is_number(text):
        return False
    try:
        read = [yaml.load(doc, _LOADER) for doc in (f"{{k: {text}}}", f"k: {text}", f"[{text}]")]  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError):
        return False
    return read == [{"k": text}, {"k": text}, [text]]


def _is_number(text: str) -> bool:
    """Numbers of YAML 1.2 that 1.1 has not, such as `1e3` and `0o17`."""
    for read in (float, lambda word: int(word, 0)):
        try:
            read(text)
        except ValueError:
            continue
        return True
    return False


def _quoted(text: str) -> str:
    """Double-quoted; JSON's escapes are YAML's too."""
    return "".join(
        c if c.isprintable() else _escaped(ord(c)) for c in json.dumps(text, ensure_ascii=False)
    )


def _escaped(code: int) -> str:
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
