"""Findings in formats for people, programs, code hosts and editors."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from dfks_rules import __version__
from dfks_rules.errors import MAX_TOLD, Finding
from dfks_rules.policy.lint.gaps import Gap
from dfks_rules.policy.reading.codes import CODES
from dfks_rules.policy.studying.redundant import Examined

PAGE = "https://dfks-rules.example/docs/reference/findings.md"
"""The page with a section for each code."""
_WIDTH = 110
"""Most characters shown of the author's line."""


class Report(NamedTuple):
    """The result of one check."""

    findings: Sequence[Finding]
    """Sorted by place."""
    texts: Mapping[str, str]
    """Every file that could be read → its content."""
    gaps: Sequence[Gap]
    """What no rule decides; empty when not requested."""
    left: Sequence[Examined] = ()
    """The rules for whose proof there was no time."""

    @property
    def told(self) -> Sequence[Finding]:
        """The findings shown one by one."""
        return self.findings[:MAX_TOLD]

    @property
    def more(self) -> int:
        """Number of findings not shown."""
        return len(self.findings) - len(self.told)

    @property
    def errors(self) -> list[Finding]:
        """The findings that make a file unusable."""
        return [finding for finding in self.findings if finding.severity == "error"]

    @property
    def files(self) -> int:
        """Number of files."""
        return len(self.texts.keys() | {finding.file for finding in self.findings})


def human(report: Report) -> str:
    """One line for each finding, the source line with a caret, and the counts."""
    lines: list[str] = []
    for finding in report.told:
        where = finding.file
        if finding.line:
            where += f":{finding.line}:{finding.column}"
        lines.append(f"{where}: {finding.severity}: {finding.message} [{finding.code}]")
        lines += _excerpt(finding, report.texts.get(finding.file, ""))
    return "\n".join([*lines, *_more(report), *_left(report), _counts(report)])


def as_json(report: Report) -> str:
    """One object: files, findings, and gaps when there are any."""
    findings = [{**one._asdict(), "help": _help(one.code)} for one in report.told]
    told: dict[str, Any] = {"files": report.files, "findings": findings}
    if report.more:
        told["more"] = report.more
    if report.gaps:
        told["gaps"] = [{**gap._asdict(), "otherwise": gap.otherwise} for gap in report.gaps]
    if report.left:
        told["notDecided"] = [
            {"file": file, "line": place.line, "rule": rule.id} for file, place, rule in report.left
        ]
    return json.dumps(told, indent=2, ensure_ascii=False)


def sarif(report: Report) -> str:
    """A log for code hosts and editors.

    Reference: OASIS SARIF 2.1.0 §3.14 (run), §3.27 (result), §3.49 (reportingDescriptor).
    """
    codes = sorted({finding.code for finding in report.told})
    rules = [
        {
            "id": code,
            "shortDescription": {"text": CODES[code].title},
            "helpUri": _help(code),
            "defaultConfiguration": {"level": CODES[code].severity},
        }
        for code in codes
    ]
    driver = {"name": "dfks", "version": __version__, "informationUri": PAGE, "rules": rules}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(one, codes.index(one.code)) for one in report.told],
        **({"properties": counted} if (counted := _uncounted(report)) else {}),
    }
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(log, indent=2, ensure_ascii=False)


def github(report: Report) -> str:
    """Workflow commands, which GitHub shows beside the lines of a change."""
    lines = []
    for finding in report.told:
        properties = {"file": finding.file, "title": finding.code}
        if finding.line:
            properties |= {"line": str(finding.line), "col": str(finding.column)}
        told = ",".join(f"{name}={command_property(value)}" for name, value in properties.items())
        lines.append(f"::{finding.severity} {told}::{command_data(finding.message)}")
    return "\n".join([*lines, *_more(report), *_left(report), _counts(report)])


FORMATS: dict[str, Callable[[Report], str]] = {
    "human": human,
    "json": as_json,
    "sarif": sarif,
    "github": github,
}
"""Name of a format → the function that writes a report in it."""


def gap_table(gaps: Sequence[Gap]) -> str:
    """One line for each question: the number of rules, and what happens where none decides."""
    rows = [("op", "feature", "rules", "in domains", "deny", "otherwise")]
    for gap in gaps:
        counts = (str(gap.rules), str(gap.domain_rules), str(gap.denials))
        rows.append((gap.op, gap.feature or "-", *counts, gap.otherwise))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _more(report: Report) -> list[str]:
    return [f"and {report.more:,} more"] if report.more else []


def _left(report: Report) -> list[str]:
    """A line for each of the rules that there was no time for, as many as of findings."""
    lines = [
        f"{file}:{place.line}: {rule.told}: not decided in time whether it changes anything"
        for file, place, rule in report.left[:MAX_TOLD]
    ]
    more = len(report.left) - len(lines)
    return [*lines, f"and {more:,} more"] if more else lines


def _uncounted(report: Report) -> dict[str, int]:
    """What the results of a log do not show."""
    counts = {"more": report.more, "notDecided": len(report.left)}
    return {name: count for name, count in counts.items() if count}


def _help(code: str) -> str:
    return f"{PAGE}#{code}"


def _counts(report: Report) -> str:
    files = _count(report.files, "file")
    left = f"{_count(len(report.left), 'rule')} not decided" if report.left else ""
    if not report.findings:
        return f"{files} OK, {left}" if left else f"{files} OK"
    errors = len(report.errors)
    warnings = len(report.findings) - errors
    told = [_count(errors, "error")] if errors else []
    told += [_count(warnings, "warning")] if warnings else []
    told += [left] if left else []
    return f"{', '.join(told)} in {files}"


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _excerpt(finding: Finding, text: str) -> Iterator[str]:
    """The line, and a caret below the place; nothing for a finding about a whole file."""
    lines = text.split("\n")
    if not 0 < finding.line <= len(lines):
        return
    start = max(0, finding.column - _WIDTH // 2) if finding.column > _WIDTH else 0
    shown = lines[finding.line - 1].rstrip("\r")[start : start + _WIDTH]
    number = f"{finding.line:5}"
    printable = "".join(c if c.isprintable() else " " for c in shown)
    yield f"{number} | {printable}".rstrip()
    yield f"{' ' * len(number)} | {' ' * (finding.column - 1 - start)}^"


def _result(finding: Finding, index: int) -> dict[str, Any]:
    physical: dict[str, Any] = {"artifactLocation": {"uri": _uri(finding.file)}}
    if finding.line:
        physical["region"] = {"startLine": finding.line, "startColumn": finding.column}
    return {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": finding.severity,
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": physical}],
    }


def _uri(file: str) -> str:
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def command_data(text: str) -> str:
    """Text as the message of a workflow command of GitHub."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def command_property(text: str) -> str:
    """Text as a property of a workflow command of GitHub."""
    return command_data(text).replace(":", "%3A").replace(",", "%2C")
