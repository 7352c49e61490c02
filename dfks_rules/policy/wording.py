"""Words that several kinds of findings share."""

import difflib
from collections.abc import Iterable


def suggestion(word: str, known: Iterable[str]) -> str:
    """` (did you mean ...?)` with the known word that is nearest; empty when none is near."""
    names = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), names, n=1)
    return f" (did you mean `{names[near[0]]}`?)" if near else ""
