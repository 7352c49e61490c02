"""Folders of policies as an editor has them: texts that are not saved yet replace files."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import NamedTuple

from dfks_rules.app.desk.policies import TENANTS, read_files, tenant_folders
from dfks_rules.errors import Finding, PolicyError
from dfks_rules.policy.editing.changing import RenameError
from dfks_rules.policy.editing.grammar import KINDS
from dfks_rules.policy.editing.names import Kind, Outlined, outlined
from dfks_rules.policy.editing.outline import Role
from dfks_rules.policy.lint.findings import check_and_lint
from dfks_rules.policy.reading.memory import Memory
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.cases import is_cases_file, parse_cases
from dfks_rules.policy.studying.names import is_proofs_file
from dfks_rules.policy.studying.proof_files import parse_proofs

_YAML = (".yaml", ".yml")
_SUFFIXES = (*_YAML, ".csv", ".ics")
_VERSION = re.compile(r"^apiVersion:[ \t]*[\"']?(\S*)", re.MULTILINE)
_KIND = re.compile(rf"^kind:[ \t]*[\"']?(?:{'|'.join(KINDS)})\b", re.MULTILINE)


MAX_FILES = 5_000
"""Most YAML files of a workspace among which those are looked for that name a rule."""
_MAX_OTHERS = 8
"""Most folders that are read because cases name them."""


class Studied(NamedTuple):
    """A folder, and what is known about it."""

    files: tuple[Outlined, ...]
    """Its files, in the order in which a server reads them, and those that its cases are about."""
    findings: Mapping[str, list[Finding]]
    """File → its findings; empty for files without any."""


def folder_of(file: Path) -> Path:
    """The folder of policies that a file belongs to: of a tenant's file, the one of all tenants."""
    folder = file.parent
    return folder.parent.parent if folder.parent.name == TENANTS else folder


def study(
    folder: Path,
    roots: Sequence[Path],
    unsaved: Mapping[Path, str],
    today: date,
    memory: Memory,
) -> Studied:
    """What the files of a folder are and what is wrong with them, read as a server reads them.

    Files that are no policies, as in the root of most repositories, are left out.

    Args:
        folder: as `folder_of` gives it.
        roots: the folders of the workspace; no file outside of them is read, not by a link either.
        unsaved: path → text, of the documents that are open.
        today: the date, to tell what has expired.
        memory: of the looks at this folder before.
    """
    sources, findings = _sources(folder, roots, unsaved)
    is_ours = any(_is_policy(source) for source in sources if source.file.endswith(_YAML))
    if is_ours:
        sources = [one for one in sources if not one.file.endswith(_YAML) or _is_policy(one)]
        findings += _findings(sources, today, memory)
    files = [memory.of(outlined, one) for one in sources]
    by_file: dict[str, list[Finding]] = {one.file: [] for one in sources} if is_ours else {}
    for finding in findings if is_ours else ():
        by_file.setdefault(finding.file, []).append(finding)
    for other in sorted(_folders_under_test(files) - {folder})[: _MAX_OTHERS if is_ours else 0]:
        files += (memory.of(outlined, one) for one in _sources(other, roots, unsaved)[0])
    memory.turn()
    return Studied(tuple(files), by_file)


def elsewhere(
    rule: str, roots: Sequence[Path], unsaved: Mapping[Path, str], memory: Memory
) -> list[Outlined]:
    """The files of the workspace that define a rule, or may name it: see `about`.

    Args:
        rule: `policy/rule`.
        roots: the folders of the workspace.
        unsaved: path → text, of the documents that are open.
        memory: of the looks before.

    Raises:
        RenameError: there are too many files to look for them.
    """
    files = {*_files_below(roots), *unsaved}
    if len(files) > MAX_FILES:
        raise RenameError(
            f"the workspace has more than {MAX_FILES:,} YAML files; open fewer folders"
        )
    is_within = _within(roots)
    others = [one for one in sorted(files) if is_within(one)]
    saved, _ = _read([one for one in others if one not in unsaved])
    texts = {**saved, **{one: unsaved[one] for one in others if one in unsaved}}
    parts = rule.split("/")
    return [
        memory.of(outlined, Source(str(path), text))
        for path, text in texts.items()
        if _VERSION.search(text) and all(part in text for part in parts)
    ]


def about(rule: str, folder: Path, files: Iterable[Outlined]) -> list[Outlined]:
    """Files of other folders that mean a folder's rule.

    Cases and proofs say whose rules they mean. An Exception means those of the policies with which
    it is read, so the rule of its own folder if that has one; else any.

    Args:
        rule: `policy/rule`.
        folder: whose rule.
        files: as `elsewhere` gives them.
    """
    files = list(files)
    having = folders_having(rule, files)
    return [
        one
        for one in files
        if (where := folder_of(Path(one.source.file))) != folder
        and (
            folder in _folders_under_test([one])
            or (one.kind == "Exception" and where not in having)
        )
    ]


def folders_having(rule: str, files: Iterable[Outlined]) -> set[Path]:
    """The folders of policies in which files define a rule."""
    return {
        folder_of(Path(file.source.file))
        for file in files
        if any((one.kind, one.name) == (Kind.RULE, rule) for one in file.definitions)
    }


def _files_below(roots: Sequence[Path]) -> Iterator[Path]:
    """YAML files of the workspace, one more than can be looked through; no links are followed."""
    number = 0
    for root in roots:
        for folder, names, files in os.walk(root):
            names[:] = [
                name for name in names if not name.startswith(".") and name != "node_modules"
            ]
            for name in files:
                if name.endswith(_YAML):
                    yield Path(folder, name)
                    number += 1
            if number > MAX_FILES:
                return


def _sources(
    folder: Path, roots: Sequence[Path], unsaved: Mapping[Path, str]
) -> tuple[list[Source], list[Finding]]:
    """The files of a folder, and findings about those that cannot be read."""
    here = {path: text for path, text in unsaved.items() if folder_of(path) == folder}
    saved, findings = _read([path for path in _files_in(folder, roots) if path not in here])
    texts = {**saved, **here}
    return [
        Source(str(path), texts[path], _tenant_of(path, folder))
        for path in sorted(texts, key=lambda path: (path.parent != folder, path))
    ], findings


def _folders_under_test(files: Iterable[Outlined]) -> set[Path]:
    """The folders of the policies that cases and proofs name."""
    found = set()
    for file in files:
        for token in file.tokens if file.kind in ("PolicyTest", "PolicyProof") else ():
            if token.path[:1] == ("policies",) and token.role is not Role.KEY:
                path = Path(os.path.normpath(Path(file.source.file).parent / token.text))
                found.add(folder_of(path) if path.suffix in _SUFFIXES else path)
    return found


def _findings(sources: Sequence[Source], today: date, memory: Memory) -> list[Finding]:
    """The findings about policies together, and about each file of cases or proofs."""
    findings: list[Finding] = []
    policies: list[Source] = []
    # Proofs use lists and variables of the policies, so these come first.
    for source in sorted(sources, key=lambda one: is_proofs_file(Path(one.file).name)):
        name = Path(source.file).name
        try:
            if is_cases_file(name):
                parse_cases(source)
            elif is_proofs_file(name):
                parse_proofs(source, lambda _paths: policies)
            else:
                policies.append(source)
        except PolicyError as error:
            findings += error.findings
    return [*findings, *check_and_lint(policies, today, memory)[1]]


def _is_policy(source: Source) -> bool:
    """Whether a file of YAML is one of ours, or begins to be."""
    version = _VERSION.search(source.text)
    if version:
        return version[1].startswith("dfks/")
    return _KIND.search(source.text) is not None


def _files_in(folder: Path, roots: Sequence[Path]) -> Iterator[Path]:
    """The files that make up a folder of policies, as far as the workspace holds them."""
    is_within = _within(roots)
    if not is_within(folder):
        return
    try:
        folders = [folder, *(one for one, _ in tenant_folders(folder) if is_within(one))]
        for one in folders:
            for file in one.iterdir():
                meant = file.suffix in _SUFFIXES and not file.name.startswith(".")
                if meant and is_within(file) and file.is_file():
                    yield file
    except OSError:
        return  # it has gone meanwhile


def _within(roots: Sequence[Path]) -> Callable[[Path], bool]:
    """Whether a file is in the workspace, wherever a link leads."""
    real = [root.resolve() for root in roots]

    def is_within(path: Path) -> bool:
        target = path.resolve()
        return any(target.is_relative_to(root) for root in real)

    return is_within


def _read(paths: Iterable[Path]) -> tuple[dict[Path, str], list[Finding]]:
    """The texts of files, and findings about those that cannot be read."""
    paths, findings = list(paths), []
    for _ in range(2):
        try:
            found = read_files(paths)
        except PolicyError as error:
            findings += error.findings
            wrong = {finding.file for finding in findings}
            paths = [path for path in paths if str(path) not in wrong]
            continue
        read = (*found.sources, *found.cases)
        return {Path(source.file): source.text for source in read}, findings
    return {}, findings


def _tenant_of(file: Path, folder: Path) -> str | None:
    return None if file.parent == folder else file.parent.name
