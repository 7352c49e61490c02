"""Policy files on disk → `PolicyFiles`: their text, and whose they are."""

import contextlib
import errno
import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from dfks_rules.errors import Finding, PolicyError
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.deciding.policy_set import PolicySet, load
from dfks_rules.policy.reading.source import Source, largest
from dfks_rules.policy.studying.cases import is_cases_file
from dfks_rules.policy.studying.names import is_proofs_file
from dfks_rules.policy.words.wording import printable

TENANTS = "tenants"
"""Folder among policies that holds a folder for each domain with files of its own."""
_DOMAIN = re.compile(r"[^A-Z@\s]+")
_SUFFIXES = (".yaml", ".yml", ".csv", ".ics")
_MAX_LINKS = 40
"""Links that are followed to a file, as by Linux."""
_MAX_TOTAL = 64 * 1024 * 1024
"""Most bytes of all files together; a folder of logs is not policies."""


class PolicyFiles(NamedTuple):
    """All that was read."""

    sources: tuple[Source, ...]
    """What decides, in order."""
    cases: tuple[Source, ...]
    """The tests that stand beside."""
    proofs: tuple[Source, ...] = ()
    """What must hold for every request."""


def sorted_out(files: Iterable[Source]) -> PolicyFiles:
    """Files by what their names say of them, in the order in which they come."""
    sources: list[Source] = []
    cases: list[Source] = []
    proofs: list[Source] = []
    for file in files:
        if is_proofs_file(file.file):
            proofs.append(file)
        else:
            (cases if is_cases_file(file.file) else sources).append(file)
    return PolicyFiles(tuple(sources), tuple(cases), tuple(proofs))


def load_policies(paths: Iterable[Path]) -> PolicySet:
    """Read and compile; see `read_files`.

    Raises:
        PolicyError: with every finding.
    """
    return load(read_sources(paths))


def read_sources(paths: Iterable[Path]) -> list[Source]:
    """The files that decide; see `read_files`."""
    return list(read_files(paths).sources)


def named_beside(file: str) -> Callable[[Iterable[str]], list[Source]]:
    """What a file of cases or proofs names as its policies → these files; see `read_files`."""
    folder = Path(file).parent
    return lambda names: read_sources(Path(os.path.normpath(folder / name)) for name in names)


def read_cases(paths: Iterable[Path]) -> list[Source]:
    """Files of cases or of proofs, whatever they are called; see `read_files`."""
    return list(chain.from_iterable(read_files(paths)))


def read_files(paths: Iterable[Path]) -> PolicyFiles:
    """Read files, and those of folders: a folder's by name, then those of `tenants/<domain>/`.

    Raises:
        PolicyError: `policy_unreadable` for each file that cannot be read.
    """
    read: list[Source] = []
    findings: list[Finding] = []
    total = 0
    paths = list(paths)
    for path, tenant in chain.from_iterable(map(_files_of, paths)):
        if not str(path).isprintable():
            # It is told in findings, logs and replies, which are text.
            findings.append(_unreadable(path, phrase("rename it: its path is not printable UTF-8")))
            continue
        try:
            data, text = _read(path)
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else phrase("it is not UTF-8")
            findings.append(
                _unreadable(path, phrase("cannot read the policy file: {why}", why=why))
            )
            continue
        total += len(data)
        if total > _MAX_TOTAL:
            raise PolicyError(
                [
                    _unreadable(
                        path,
                        phrase(
                            "the policy files together have more than {max_total} bytes",
                            max_total=_MAX_TOTAL,
                        ),
                    )
                ]
            )
        read.append(Source(str(path), text, tenant))
    findings += chain.from_iterable(map(_misplaced, paths))
    if findings:
        raise PolicyError(findings)
    return sorted_out(read)


def folders_below(path: Path) -> list[Path]:
    """Every folder below a folder, by name, of which no server that is given it reads the files.

    Hidden folders are left out, and those of tenants: they belong to the folder that holds them.
    """
    found: list[Path] = []
    for folder, names, _ in os.walk(path):
        names[:] = sorted(name for name in names if name != TENANTS and not name.startswith("."))
        found += (Path(folder, name) for name in names)
    return sorted(found)


def folders_of(paths: Iterable[Path]) -> set[Path]:
    """Every folder in which a change can be one of policies.

    Editors put a new file in place of the old one, and a folder may be a link to a release: so the
    folder that holds a file counts, and each that holds a link on the way to it.
    """
    folders: set[Path] = set()
    for path in paths:
        folders |= _holding_links(path)
        # What may not be looked at, `Path.is_dir` raises for; whoever watches has to go on.
        is_folder = os.path.isdir(path)
        if not is_folder:
            folders.add(path.parent)
        if is_folder:
            folders |= {path, path / TENANTS}
            with contextlib.suppress(OSError):
                folders |= {folder for folder, _ in tenant_folders(path)}
    return set(filter(os.path.isdir, folders))


def _holding_links(path: Path) -> set[Path]:
    """The folders that hold the links on the way to a file or folder."""
    folders: set[Path] = set()
    at, left = Path(), list(reversed(Path(os.path.abspath(path)).parts))
    links = 0
    while left and links < _MAX_LINKS:
        # A target of a link may be absolute, and begin with `..`.
        step = at / left.pop()
        if os.path.islink(step):
            folders.add(at)
            links += 1
            left += reversed(Path(os.readlink(step)).parts)
        else:
            at = step.parent.parent if step.name == ".." else step
    return folders


def _read(path: Path) -> tuple[bytes, str]:
    """What a file holds, and the same decoded; a little too much of one that is too large."""
    most = largest(path.name)
    with open(path, "rb", opener=_without_waiting) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        # A byte too many is for the check that says how large a file may be: no character is lost
        # where the last one is cut.
        data = file.read(most + 1)
    return data, data.decode(errors="replace" if len(data) > most else "strict")


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a FIFO does not wait for its writer, for which every reload would wait."""
    return os.open(path, flags | os.O_NONBLOCK)


def _unreadable(path: Path, message: str) -> Finding:
    return Finding(printable(str(path)), 0, 0, "policy_unreadable", message)


def _files_of(path: Path) -> list[tuple[Path, str | None]]:
    """(File, the tenant whose it is)."""
    found: list[tuple[Path, str | None]] = []
    try:
        if not path.is_dir():
            return [_alone(path)]
        for folder, tenant in [(path, _tenant_of(path)), *tenant_folders(path)]:
            files = (file for file in folder.iterdir() if _is_meant(file))
            found += [(file, tenant) for file in sorted(files)]
    except OSError as error:
        text = phrase("cannot read the policy folder: {problem}", problem=error.strerror)
        raise PolicyError([_unreadable(Path(error.filename or path), text)]) from error
    return found


def _alone(path: Path) -> tuple[Path, str | None]:
    """A file that is named by itself."""
    # Findings quote what they find: an operator's command must not read out any file there is.
    if path.exists() and path.suffix not in _SUFFIXES:
        message = phrase("a policy file name must end in {suffixes}", suffixes=", ".join(_SUFFIXES))
        raise PolicyError([_unreadable(path, message)])
    return path, _tenant_of(path.parent)


def _tenant_of(folder: Path) -> str | None:
    """The tenant whose folder it is, from wherever it is named; None: it is the operator's.

    A name without a dot, as in `/srv/tenants/west`, is no domain for sure: to confine all files
    there would leave everyone unguarded.
    """
    folder = Path(os.path.abspath(folder))  # a link's own name counts
    return folder.name if folder.parent.name == TENANTS and "." in folder.name else None


def _is_meant(file: Path) -> bool:
    """Hidden files are editors'. A link counts even if it leads nowhere: that is a mistake."""
    if file.suffix not in _SUFFIXES or file.name.startswith("."):
        return False
    return file.is_file() or file.is_symlink()


def tenant_folders(path: Path) -> list[tuple[Path, str]]:
    """(Folder, domain) of each tenant whose files stand in a folder of policies.

    Raises:
        OSError: it may not be looked at.
    """
    tenants = path / TENANTS
    if not _is_folder(tenants):
        return []
    folders = filter(_is_folder, tenants.iterdir())
    return [(one, one.name) for one in sorted(folders) if not one.name.startswith(".")]


def _is_folder(path: Path) -> bool:
    """A link counts even if it leads nowhere: what is not mounted barred something."""
    return path.is_dir() or (path.is_symlink() and not path.exists())


def _misplaced(path: Path) -> Iterator[Finding]:
    """What stands among the folders of tenants and is nobody's: its rules would guard nothing."""
    tenants = path / TENANTS
    for file in filter(_is_meant, tenants.iterdir() if tenants.is_dir() else ()):
        message = phrase("put a tenant's files into `tenants/<domain>/`")
        yield Finding(str(file), 0, 0, "policy_tenant", message)
    for folder, domain in tenant_folders(path):
        if not _DOMAIN.fullmatch(domain):
            message = phrase("name a tenant's folder after its domain, in lower case")
            yield Finding(str(folder), 0, 0, "policy_tenant", message)
