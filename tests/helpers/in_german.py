"""Whether what people are told is told in German as a whole."""

import re

from dfks_rules.phrases.german import german
from dfks_rules.phrases.phrase import Phrase

_QUOTED = re.compile(r"`[^`]*`")
_OF_OTHERS = re.compile(
    r"\((?:[^()]* meldet|in Unicode|Grund|gemeldet wurde): .*\)|gemeldet wurde: .*", re.DOTALL
)
"""What libraries and the system say is English, and stands within a German sentence."""
_ENGLISH = re.compile(
    r"\b(?:the|is|are|of|not|and|or|must|has|have|which|unknown|rule|its|only|never|with|cannot"
    r"|needs|takes|does|should|did you mean|at most|there|no one|nobody|than)\b"
)


def left_in_english(message: str) -> list[str]:
    """Words of English in what should be a phrase; the author's own text is in backticks."""
    if not isinstance(message, Phrase):
        return [f"no phrase: {message}"]
    told = german(message)
    return [f"{one}: {told}" for one in _ENGLISH.findall(_OF_OTHERS.sub("", _QUOTED.sub("", told)))]
