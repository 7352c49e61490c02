"""A matcher that backtracks like Python's `re` and counts its steps."""

import re
from collections.abc import Callable, Sequence
from re import _parser  # type: ignore[attr-defined]
from typing import Any

Continue = Callable[[int], bool]


class CountingMatcher:
    """Matches whole subjects; `steps` counts tests of characters, positions and alternatives."""

    def __init__(self, text: str, subject: str) -> None:
        body = text.removeprefix("(?i)")
        self._flags = re.ASCII | (re.NOFLAG if body == text else re.IGNORECASE)
        self._tree = list(_parser.parse(body))
        self._subject = subject
        self.steps = 0

    def matches(self) -> bool:
        """Whether the subject matches as a whole."""
        return self._sequence(self._tree, 0, self._is_end)

    def _is_end(self, position: int) -> bool:
        self.steps += 1
        return position == len(self._subject)

    def _sequence(self, parts: Sequence[Any], position: int, go_on: Continue) -> bool:
        if not parts:
            return go_on(position)
        code, argument = str(parts[0][0]), parts[0][1]
        rest: Continue = lambda place: self._sequence(parts[1:], place, go_on)  # noqa: E731
        match code:
            case "SUBPATTERN":
                return self._sequence(list(argument[3]), position, rest)
            case "BRANCH":
                return self._branch(argument[1], position, rest)
            case "MAX_REPEAT" | "MIN_REPEAT":
                least, most, body = argument
                return self._repeat((least, most, list(body), code == "MAX_REPEAT"), position, rest)
            case "AT":
                self.steps += 1
                return self._is_at(str(argument), position) and rest(position)
            case _:
                self.steps += 1
                return self._is_one(code, argument, position) and rest(position + 1)

    def _branch(self, alternatives: Sequence[Any], position: int, go_on: Continue) -> bool:
        for parts in alternatives:
            self.steps += 1
            if self._sequence(list(parts), position, go_on):
                return True
        return False

    def _repeat(
        self, repeat: tuple[int, int, list[Any], bool], position: int, go_on: Continue
    ) -> bool:
        least, most, body, greedy = repeat

        def again() -> bool:
            fewer = (max(least - 1, 0), most - 1, body, greedy)
            return most > 0 and self._sequence(
                body, position, lambda place: self._repeat(fewer, place, go_on)
            )

        self.steps += 1
        if least:
            return again()
        if greedy:
            return again() or go_on(position)
        return go_on(position) or again()

    def _is_at(self, place: str, position: int) -> bool:
        match place:
            case "AT_BEGINNING":
                return position == 0
            case "AT_END":
                return self._subject[position:] in ("", "\n")
            case _:
                return bool(re.compile(r"\b", re.ASCII).match(self._subject, position))

    def _is_one(self, code: str, argument: Any, position: int) -> bool:
        """Whether one character matches; Python's own matcher decides for a class."""
        character = self._subject[position : position + 1]
        if not character:
            return False
        match code:
            case "ANY":
                return character != "\n"
            case "LITERAL":
                return self._is_in(re.escape(chr(argument)), character)
            case "NOT_LITERAL":
                return not self._is_in(re.escape(chr(argument)), character)
            case _:
                negated = str(argument[0][0]) == "NEGATE"
                items = map(_written, argument[negated:])
                return negated != any(self._is_in(item, character) for item in items)

    def _is_in(self, pattern: str, character: str) -> bool:
        return re.fullmatch(pattern, character, self._flags) is not None


def _written(item: Any) -> str:
    code, argument = str(item[0]), item[1]
    match code:
        case "RANGE":
            return f"[{re.escape(chr(argument[0]))}-{re.escape(chr(argument[1]))}]"
        case "CATEGORY":
            words = {"DIGIT": "d", "SPACE": "s", "WORD": "w"}
            word = str(argument).removeprefix("CATEGORY_")
            letter = words[word.removeprefix("NOT_")]
            return "\\" + (letter.upper() if word.startswith("NOT_") else letter)
        case _:
            return re.escape(chr(argument))
