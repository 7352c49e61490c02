"""Comments with which an author accepts a warning: `# dfks: allow policy_shadowed`.

Such a comment is on the line that the warning names and allows the codes it lists, separated by
commas; text after them is for people.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from dfks_rules.errors import Finding
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.reading.codes import CODES
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.words.wording import did_you_mean, quoted

_ALLOW = re.compile(r"#\s*dfks:\s*allow\b[ \t]*((?:[\w-]+\s*,\s*)*[\w-]*)")
_CODE = "policy_needless_allow"


BY_PROOF = ("policy_redundant",)
"""Codes of warnings that only a proof finds: nobody knows whether they are needless without one."""


class _Allowance(NamedTuple):
    """One code in one comment."""

    file: str
    line: int
    column: int
    code: str


def without_allowed(findings: Iterable[Finding], sources: Sequence[Source]) -> list[Finding]:
    """The findings less the warnings that comments allow, plus findings about needless comments."""
    every = {(*one[:2], one.code): one for source in sources for one in _allowances(source)}
    used = set()
    left = []
    for finding in findings:
        key = (finding.file, finding.line, finding.code)
        if finding.severity == "warning" and key in every:
            used.add(key)
        else:
            left.append(finding)
    needless = (one for key, one in every.items() if key not in used)
    return left + [_needless(one) for one in needless if one.code not in BY_PROOF]


def not_allowed(findings: Iterable[Finding], sources: Sequence[Source]) -> list[Finding]:
    """The warnings less those that comments allow; of needless comments nothing is said."""
    allowed = {(*one[:2], one.code) for source in sources for one in _allowances(source)}
    return [one for one in findings if (one.file, one.line, one.code) not in allowed]


def _allowances(source: Source) -> Iterator[_Allowance]:
    if "dfks:" not in source.text:
        return
    for number, line in enumerate(source.text.split("\n"), start=1):
        for comment in _ALLOW.finditer(line):
            for code in re.split(r"\s*,\s*", comment[1]):
                yield _Allowance(source.file, number, comment.start() + 1, code)


def _needless(one: _Allowance) -> Finding:
    known = CODES.get(one.code)
    if not one.code:
        message = phrase("name the warning to allow, e.g. `policy_shadowed`")
    elif known is None:
        warnings = [code for code, row in CODES.items() if row.severity == "warning"]
        message = phrase(
            "unknown warning {code}{hint}",
            code=quoted(one.code),
            hint=did_you_mean(one.code, warnings),
        )
    elif known.severity == "error":
        message = phrase("`{code}` is an error; a comment can allow warnings only", code=one.code)
    else:
        message = phrase("no `{code}` on this line; delete the comment", code=one.code)
    return Finding(one.file, one.line, one.column, _CODE, message, CODES[_CODE].severity)
