"""`$(variable{transformation})` → what it is compared as."""

import re
from typing import NamedTuple

_TRANSFORMED = re.compile(r"\$\(\s*(\w+(?:\([\w/]+\))?)((?:\{[^{}]*\})*)\s*\)")
_STEP = re.compile(r"\{\s*([^{}]*?)\s*\}")
_OF_URI = (("user", "U"), ("host", "d"), ("domain", "d"))
_URIS = {"$fu": "$f", "$tu": "$t", "$ru": "$t", "$dfks(presentity)": "$t"}
_PARTS = {(uri, part): f"{of}{name}" for uri, of in _URIS.items() for part, name in _OF_URI}
"""(URI, part of it) → the variable that is the same."""
_SUBSTRING = re.compile(r"s\.substr\s*,\s*0\s*,\s*([1-9][0-9]{0,2})")


class Transformed(NamedTuple):
    """A variable, and how it is compared."""

    variable: str
    """`$fU`."""
    length: int | None = None
    """So many characters of it, from the start; None: all."""
    ignores_case: bool = False


def transformed(variable: str) -> Transformed | None:
    """What a variable with transformations comes to; None: it cannot be said.

    Reference: the manual of OpenSIPS, "Script Transformations".
    """
    found = _TRANSFORMED.fullmatch(variable)
    if found is None:
        return None
    name, length, ignores_case = f"${found[1]}", None, False
    for step in _STEP.findall(found[2]):
        substring = _SUBSTRING.fullmatch(step)
        kind, _, part = step.partition(".")
        if kind == "uri" and (name, part) in _PARTS and length is None:
            name = _PARTS[name, part]
        elif step in ("s.tolower", "s.toupper"):
            ignores_case = True
        elif substring is not None and length is None:
            length = int(substring[1])
        else:
            return None
    return Transformed(name, length, ignores_case)
