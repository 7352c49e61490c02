"""One value → YAML that our strict reader, other YAML readers and people read the same way."""

import json
from functools import lru_cache
from typing import Any

import yaml

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def scalar(value: Any, *, in_braces: bool = True) -> str:
    """A text, number or boolean on one line; text is in double quotes only where necessary.

    Args:
        value: the value to write.
        in_braces: whether it may also appear in braces or brackets, where commas have a meaning.
    """
    if isinstance(value, str):
        return value if _is_plain(value, in_braces=in_braces) else _quoted(value)
    return json.dumps(value)


def flow(value: Any) -> str:
    """A value on one line, with mappings and lists in braces and brackets."""
    if isinstance(value, dict):
        pairs = ", ".join(f"{scalar(key)}: {flow(one)}" for key, one in value.items())
        return f"{{{pairs}}}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(flow, value))}]"
    return scalar(value)


@lru_cache(maxsize=4096)
def _is_plain(text: str, *, in_braces: bool) -> bool:
    """Whether text needs no quotes in YAML 1.1 and 1.2.

    `+4930123456`, `0123`, `12:30`, `no` and `2026-12-25` do: other readers see numbers, booleans
    and dates where ours sees text. `${user}` does not, but people would take its braces for YAML's.
    """
    if not text.isprintable() or _is_number(text) or "${" in text:
        return False
    document = f"- k: {text}\n- - {text}\n"
    if in_braces:
        document += f"- {{k: {text}}}\n- [{text}]\n"
    try:
        read = yaml.load(document, _LOADER)  # noqa: S506 - a safe loader
    except (yaml.YAMLError, ValueError):
        return False
    return bool(read == [{"k": text}, [text]] * (2 if in_braces else 1))


def _is_number(text: str) -> bool:
    """Whether YAML 1.2 may read text as a number that 1.1 does not, such as `1e3` or `0o17`."""
    for read in (float, lambda word: int(word, 0)):
        try:
            read(text)
        except ValueError:
            continue
        return True
    return False


def _quoted(text: str) -> str:
    """The text in double quotes; JSON's escapes are also valid in YAML."""
    return "".join(
        c if c.isprintable() else _escaped(ord(c)) for c in json.dumps(text, ensure_ascii=False)
    )


def _escaped(code: int) -> str:
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"
