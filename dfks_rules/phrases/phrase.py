"""A sentence for people that knows how it was made, so that it can be told in another language.

It is English text to whoever handles it: logs, the command line, exceptions. Whoever tells it to
somebody who reads another language makes it anew from its template and its values
(`phrases.german`).
"""

from collections.abc import Iterable, Mapping
from typing import Any


class Phrase(str):
    """English text, and what it was made from."""

    template: str
    """English, with a placeholder for each value, as for `str.format`."""
    values: Mapping[str, Any]
    """Name of a placeholder → what is there; this may be a phrase itself."""

    def __str__(self) -> str:
        # `str(error)` gives the phrase that the error was made with, not only its text.
        return self

    def made_with(self, values: Mapping[str, Any]) -> "Phrase":
        """The same with other values."""
        return _made(self.template, values)

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (self.template, self.values)


def phrase(template: str, /, **values: object) -> Phrase:
    """A phrase.

    Args:
        template: English, with a placeholder for each value. It has to be written out where this is
            called: a test looks whether each has its German.
        values: name of a placeholder → what is there: text that means the same in every language,
            such as the author's own, a number, or a phrase.
    """
    return _made(template, values)


def meant(word: object) -> Phrase:
    """A suggestion in parentheses, with a leading space."""
    return phrase(" (did you mean `{word}`?)", word=word)


def joined(separator: str, parts: Iterable[object]) -> Phrase:
    """What `separator.join(parts)` is, where parts, or the separator, may be phrases."""
    values = {f"part{number}": part for number, part in enumerate(parts)}
    template = "{separator}".join(f"{{{name}}}" for name in values)
    return _made(template, {"separator": separator, **values})


def _made(template: str, values: Mapping[str, object]) -> Phrase:
    # An error gives the phrase that it was made with.
    kept = {
        name: one if isinstance(one, int | float | str) else str(one)
        for name, one in values.items()
    }
    made = Phrase(template.format(**kept))
    made.template, made.values = template, kept
    return made
