"""The policy files that a server reads, of which it is a mistake that there are none.

An unmounted volume and an emptied ConfigMap look like folders without files. To serve them would be
to allow everything that was denied a moment ago.
"""

from collections.abc import Sequence
from pathlib import Path

from dfks_rules.app.desk.policies import PolicyFiles, read_files
from dfks_rules.errors import Finding, PolicyError
from dfks_rules.policy.reading.source import POLICY, kind_of


def read_served(paths: Sequence[Path]) -> PolicyFiles:
    """The files of a server whose settings name these paths; see `read_files`.

    Raises:
        PolicyError: `policy_unreadable` for each file that cannot be read; `policy_none` for each
            path that holds no file of policies, and where there is no policy in all of them.
    """
    files = read_files(paths)
    if not paths:
        return files
    findings = [
        _nothing(path, "there are no policy files here") for path in paths if _is_empty(path, files)
    ]
    if not (findings or has_policies(files)):
        message = "`policies` names no file of kind `Policy`"
        findings = [_nothing(path, message) for path in paths]
    if findings:
        raise PolicyError(findings)
    return files


def has_policies(files: PolicyFiles) -> bool:
    """Whether there is a policy among them; directories and number plans decide nothing."""
    return any(kind_of(source) == POLICY for source in files.sources)


def _is_empty(path: Path, files: PolicyFiles) -> bool:
    return not any(Path(source.file).is_relative_to(path) for source in files.sources)


def _nothing(path: Path, message: str) -> Finding:
    hint = "to serve without policies, write `policies: []` in the settings"
    return Finding(str(path), 0, 0, "policy_none", f"{message}; {hint}")
