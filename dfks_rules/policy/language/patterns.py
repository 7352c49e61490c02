r"""Authors' regular expressions, none of which can keep the server busy.

Python's `re` backtracks; `(x+x+)+y` has more ways through 30 characters than there are microseconds
in an hour. So a pattern is accepted only if it takes at most `MAX_STEPS` steps on the longest
subject, whatever that contains.

The bound is computed from two numbers for each part of the parse tree, starting at any one place in
the subject:

- ways: on how many paths the part can be left so that the next character may also match.
  `[^@]*` before `@` has one: wherever else it stops, the next character cannot follow.
- steps: how many single tests all its paths take, including those that fail.

In a sequence, ways multiply, and each part costs its steps once for each way through the parts
before it. A repeat has at most as many rounds as the subject has characters; where only one path
goes on, all its rounds together scan the subject once. INVARIANT: both numbers may be too high,
never too low; a construct unknown to `_Analysis` is refused.
"""

import re
import warnings
from collections.abc import Sequence
from functools import lru_cache, reduce
from itertools import takewhile
from operator import or_
from re import _constants, _parser  # type: ignore[attr-defined] # the only way to the parse tree
from typing import Any, NamedTuple

from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.language.characters import Characters, characters_of

MAX_PATTERN = 200
"""Longest pattern, in characters."""
MAX_SUBJECT = 512
"""Longest text that can match, in characters; a longer one matches no pattern."""
MAX_STEPS = 5_000_000
"""Highest accepted bound on the steps for one subject; in practice a few ms of CPU at worst.

The bound of `.*@.*` is one or two million, that of `.*foo.*bar.*` hundreds of millions.
"""

_IGNORE_CASE = "(?i)"
_UNBOUNDED = _constants.MAXREPEAT

_ASCII = 128
_OTHERS = 1 << _ASCII
"""Stands for every non-ASCII character."""
_END = 1 << (_ASCII + 1)
"""Stands for the end of the subject."""
_ANY = _END - 1

_Set = int
"""A set of characters: one bit for each of ASCII, then `_OTHERS` and `_END`."""

_REFUSED = {
    "GROUPREF": phrase("has a backreference"),
    "GROUPREF_EXISTS": phrase("has a conditional group"),
    "ASSERT": phrase("has a lookahead or lookbehind"),
    "ASSERT_NOT": phrase("has a lookahead or lookbehind"),
    "ATOMIC_GROUP": phrase("has an atomic group"),
    "POSSESSIVE_REPEAT": phrase("has a possessive repeat"),
}
"""Constructs refused by name in a finding; constructs in no table are refused as well."""


class Parsed(NamedTuple):
    """A pattern as Python's parser reads it."""

    body: str
    """The pattern without `(?i)`."""
    flags: int
    """Those of `re`: ASCII, and IGNORECASE for `(?i)`."""
    tree: Sequence[Any]
    """Its parts, each an (opcode, argument); see `re._parser`."""


class _Entry(NamedTuple):
    """What is tried at the start of a part."""

    first: _Set
    """Characters it can begin with."""
    tests: int
    """Most tests needed to see that the next character is not in `first`."""
    empty: int
    """In how many ways it can match without consuming a character."""
    shortest: int
    """Fewest characters it consumes."""


class _Work(NamedTuple):
    """The work of a part from one place in a subject; see the top of this file."""

    ways: int
    """Most paths that can go on after it."""
    steps: int
    """Most tests on all its paths, including those by which each fails on what comes next."""
    once: int
    """The same if no part is entered more than once."""


_NOTHING = _Entry(0, 0, 1, 0)
_AT_END = _Entry(_END, 1, 0, 0)


def compile_pattern(text: str) -> re.Pattern[str]:
    """The pattern for `matches`.

    Raises:
        ValueError: it is too long, is not a regular expression, uses a construct that policies do
            not support, or can take too many steps.
    """
    if len(text) > MAX_PATTERN:
        raise ValueError(
            phrase(
                "pattern has {count} characters; at most {max_pattern}",
                count=len(text),
                max_pattern=MAX_PATTERN,
            )
        )
    body, flags, tree = parse(text)
    analysis = _Analysis(flags, MAX_SUBJECT)
    analysis.sequence(tree, _AT_END)
    shortest = analysis.entry(tree).shortest
    if shortest > MAX_SUBJECT:
        message = phrase(
            "pattern needs {shortest} characters; texts have at most {max_subject}",
            shortest=shortest,
            max_subject=MAX_SUBJECT,
        )
        raise ValueError(message)
    return re.compile(body, flags)


def matches(pattern: re.Pattern[str], value: str) -> bool:
    """Whether the whole of a text matches a pattern of `compile_pattern`."""
    return len(value) <= MAX_SUBJECT and pattern.fullmatch(value) is not None


def literal_start(text: str) -> str:
    """The literal text with which every match of a pattern begins; often empty.

    Raises:
        ValueError: it is not a regular expression.
    """
    _, flags, tree = parse(text)
    if flags & re.IGNORECASE:
        return ""
    start = takewhile(lambda part: part[0] is _constants.LITERAL, tree)
    return "".join(chr(code) for _, code in start)


def most_steps(text: str, length: int) -> int:
    """The bound on the steps a pattern takes on any subject of at most this length.

    Raises:
        ValueError: the pattern is not allowed (see `compile_pattern`), or the bound exceeds
            `MAX_STEPS`.
    """
    _, flags, tree = parse(text)
    return _Analysis(flags, length).sequence(tree, _AT_END).steps


def parse(text: str) -> Parsed:
    """The parts of a pattern, which may still be one that `compile_pattern` refuses.

    Raises:
        ValueError: it is not a regular expression, or has flags other than `(?i)`.
    """
    body = text.removeprefix(_IGNORE_CASE)
    flags = re.ASCII | (re.NOFLAG if body == text else re.IGNORECASE)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # e.g. `[[a]`, whose meaning may change
            tree = _parser.parse(body)
    except (re.error, OverflowError, Warning) as error:
        # The text of an `re` error repeats the position; `msg` alone is meant for people.
        message = getattr(error, "msg", str(error))
        raise ValueError(
            phrase("`{text}` is not a regular expression: {message}", text=text, message=message)
        ) from error
    if tree.state.flags & ~re.UNICODE:
        raise ValueError(phrase("pattern has flags; only a leading `(?i)` is allowed"))
    return Parsed(body, flags, tree)


def parse_glob(pattern: re.Pattern[str]) -> Parsed:
    """The parts of a glob that `fnmatch` has translated.

    A `*` is followed by an atomic group that ends with the first place where the text up to the
    next `*` matches. A later place would not match more, so it can be read as any other group.
    """
    return Parsed(pattern.pattern, pattern.flags, _parser.parse(pattern.pattern, pattern.flags))


class _Analysis:
    """Bounds the work of the parts of one pattern.

    A part is an (opcode, argument) of Python's parser. `then` is what follows it.
    """

    def __init__(self, flags: int, length: int) -> None:
        self._ignore_case = bool(flags & re.IGNORECASE)
        self._length = length

    def sequence(self, parts: Sequence[Any], then: _Entry) -> _Work:
        """The work of consecutive parts."""
        nexts = [then]
        for part in reversed(parts):
            nexts.append(_joined(self._entry(part), nexts[-1]))
        ways, steps, once = 1, then.tests, then.tests
        for part, behind in zip(parts, reversed(nexts[:-1]), strict=True):
            work = self._work(part, behind)
            steps += ways * work.steps
            ways *= work.ways
            once += work.once
            _refuse_excess(steps, ways)
        return _Work(ways, steps, once)

    def entry(self, parts: Sequence[Any]) -> _Entry:
        """What is tried at the start of consecutive parts."""
        return reduce(
            lambda then, part: _joined(self._entry(part), then), reversed(parts), _NOTHING
        )

    def _entry(self, part: Any) -> _Entry:
        code, argument = str(part[0]), part[1]
        match code:
            case "LITERAL" | "NOT_LITERAL" | "ANY" | "IN":
                # An empty class would make everything before it look decided.
                characters = characters_of(code, argument, ignore_case=self._ignore_case)
                return _Entry(_mask(characters) or _ANY, 1, 0, 1)
            case "AT":
                return _Entry(0, 1, 1, 0)
            case "SUBPATTERN":
                _, added, removed, parts = argument
                if added or removed:
                    raise ValueError(
                        phrase("pattern has inline flags; only a leading `(?i)` is allowed")
                    )
                return self.entry(parts)
            case "BRANCH":
                entries = [self.entry(parts) for parts in argument[1]]
                return _Entry(
                    reduce(or_, (entry.first for entry in entries)),
                    sum(1 + entry.tests for entry in entries),
                    sum(entry.empty for entry in entries),
                    min(entry.shortest for entry in entries),
                )
            case "MAX_REPEAT" | "MIN_REPEAT":
                return _repeated(argument[0], argument[1], self.entry(argument[2]))
            case _:
                what = _REFUSED.get(code, phrase("has an unsupported construct"))
                raise ValueError(phrase("pattern {what}, which is not allowed", what=what))

    def _work(self, part: Any, then: _Entry) -> _Work:
        code, argument = str(part[0]), part[1]
        match code:
            case "SUBPATTERN":
                return self.sequence(argument[3], then)
            case "BRANCH":
                return self._branch(argument[1], then)
            case "MAX_REPEAT" | "MIN_REPEAT":
                return self._repeat(argument, then)
            case _:
                return _Work(1, 1 + then.tests, 1 + then.tests)

    def _branch(self, alternatives: Sequence[Any], then: _Entry) -> _Work:
        works = [self.sequence(parts, then) for parts in alternatives]
        firsts = [_joined(self.entry(parts), then).first for parts in alternatives]
        # Of branches that begin with different characters, only one can go on.
        ways = max(
            sum(work.ways for work, first in zip(works, firsts, strict=True) if first >> bit & 1)
            for bit in range(_END.bit_length())
        )
        steps = sum(1 + work.steps for work in works)
        return _Work(ways, steps, sum(1 + work.once for work in works))

    def _repeat(self, argument: Any, then: _Entry) -> _Work:
        least, most, parts = argument
        body = self.entry(parts)
        again = _Entry(body.first | then.first, 1 + body.tests + then.tests, 0, 0)
        round_ = self.sequence(parts, again if most > 1 else then)
        # Where the next character decides whether to repeat, only one of the two paths goes on.
        decided = not body.empty and not body.first & then.first
        once = again.tests + 1 + round_.once
        rounds = min(most, self._length // max(body.shortest, 1) + 1)  # the last may fail halfway
        if round_.ways == 1:
            # Only one path repeats, so no part is tried twice between two characters.
            steps = again.tests + min(rounds * (1 + round_.steps), (self._length + 1) * once)
            return _Work(1 if decided else max(rounds - least + 1, 1), steps, once)
        ways, steps, paths = int(least == 0), again.tests, 1
        for count in range(1, rounds + 1):
            steps += paths * (1 + round_.steps)
            paths *= round_.ways
            if count >= least:
                ways = max(ways, paths) if decided else ways + paths
            _refuse_excess(steps, ways)
        return _Work(max(ways, 1), steps, once)


def _joined(entry: _Entry, then: _Entry) -> _Entry:
    """The entry of a part together with what follows it."""
    if not entry.empty:
        return entry
    return _Entry(
        entry.first | then.first,
        entry.tests + entry.empty * then.tests,
        entry.empty * then.empty,
        entry.shortest + then.shortest,
    )


def _repeated(least: int, most: int, body: _Entry) -> _Entry:
    if most != _UNBOUNDED and most > MAX_SUBJECT:
        raise ValueError(
            phrase(
                "pattern repeats up to {most} times; at most {max_subject}",
                most=most,
                max_subject=MAX_SUBJECT,
            )
        )
    if most > 1 and body.empty:
        raise ValueError(phrase("pattern repeats a group that may be empty, which is not allowed"))
    empty = body.empty + (least == 0)
    return _Entry(body.first, 1 + body.tests, empty, least * body.shortest)


@lru_cache(1024)
def _mask(characters: Characters) -> _Set:
    """The same set, in which `_OTHERS` stands for all characters beyond ASCII."""
    low = sum(
        (1 << min(last + 1, _ASCII)) - (1 << min(first, _ASCII)) for first, last in characters
    )
    return low | (_OTHERS if characters and characters[-1][1] >= _ASCII else 0)


def _refuse_excess(steps: int, ways: int) -> None:
    if max(steps, ways) > MAX_STEPS:
        raise ValueError(
            phrase(
                "pattern can take too long: repeats that can share characters, or "
                "nested ones, have too many ways to match; let each end where the next "
                "begins, e.g. `[^@]*@`"
            )
        )
