"""The policy files that a server reads, of which it is a mistake that there are none.

An unmounted volume and an emptied ConfigMap look like folders without files. To serve them would be
to allow everything that was denied a moment ago.
"""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from dfks_rules.app.desk.policies import TENANTS, PolicyFiles, read_files, tenant_folders
from dfks_rules.errors import Finding, PolicyError
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.reading.source import POLICY, kind_of

Found = PolicyFiles | PolicyError
"""What is read from disk, or why it cannot be read."""


def find_served(paths: Sequence[Path]) -> Found:
    """The files, or why they cannot be read; see `read_served`."""
    try:
        return read_served(paths)
    except PolicyError as error:
        return error


def is_same(found: Found, seen: Found | None) -> bool:
    """Whether the same was found twice."""
    if isinstance(found, PolicyError) and isinstance(seen, PolicyError):
        return found.findings == seen.findings
    return found == seen


def usable(found: Found) -> PolicyFiles:
    """The files.

    Raises:
        PolicyError: they cannot be read.
    """
    if isinstance(found, PolicyError):
        raise found
    return found


def read_served(paths: Sequence[Path]) -> PolicyFiles:
    """The files of a server whose settings name these paths; see `read_files`.

    Raises:
        PolicyError: `policy_unreadable` for each file that cannot be read; `policy_none` for each
            path and each tenant's folder that holds no file of policies, and where there is no
            policy in all of them.
    """
    try:
        return _read_served(paths)
    except OSError as error:
        # It went while it was looked at.
        message = phrase("cannot read the policy folder: {problem}", problem=error.strerror)
        finding = Finding(str(error.filename), 0, 0, "policy_unreadable", message)
        raise PolicyError([finding]) from error


def _read_served(paths: Sequence[Path]) -> PolicyFiles:
    files = read_files(paths)
    if not paths:
        return files
    findings = [
        _nothing(path, phrase("there are no policy files here"))
        for path in paths
        if _is_empty(path, files)
    ]
    findings += itertools.chain.from_iterable(_empty_tenants(path, files) for path in paths)
    if not (findings or has_policies(files)):
        message = phrase("`policies` names no file of kind `Policy`")
        findings = [_nothing(path, message) for path in paths]
    if findings:
        raise PolicyError(findings)
    return files


def has_policies(files: PolicyFiles) -> bool:
    """Whether there is a policy among them; directories and number plans decide nothing."""
    return any(kind_of(source) == POLICY for source in files.sources)


def _is_empty(path: Path, files: PolicyFiles) -> bool:
    return not any(_belongs(Path(source.file), path) for source in files.sources)


def _belongs(file: Path, path: Path) -> bool:
    """Whether a file is read because of a path: folders in folders are not."""
    folder = file.parent
    return path in (file, folder) or folder.parent == path / TENANTS


def _empty_tenants(path: Path, files: PolicyFiles) -> Iterator[Finding]:
    """Of each tenant whose folder is there without files: its rules were there, or will be."""
    for folder, _ in tenant_folders(path):
        if _is_empty(folder, files):
            message = phrase(
                "there are no policy files here; remove the folder of a tenant without policies"
            )
            yield Finding(str(folder), 0, 0, "policy_none", message)


def _nothing(path: Path, message: str) -> Finding:
    told = phrase(
        "{message}; to serve without policies, write `policies: []` in the settings",
        message=message,
    )
    return Finding(str(path), 0, 0, "policy_none", told)
