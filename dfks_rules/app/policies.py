"""Policy files → `PolicySet`."""

from collections.abc import Iterable
from pathlib import Path

from dfks_rules.errors import Finding, PolicyError
from dfks_rules.policy.cases import is_cases_file
from dfks_rules.policy.policy_set import PolicySet, load
from dfks_rules.policy.source import Source


def load_policies(paths: Iterable[Path]) -> PolicySet:
    """Read files, and the `*.yaml` and `*.yml` files of directories, and compile them.

    Raises:
        PolicyError: with every finding.
    """
    return load(read_sources(paths))


def read_sources(paths: Iterable[Path]) -> list[Source]:
    """Read policy files, in the order of `paths`; a directory's files by name, its cases left out.

    Raises:
        PolicyError: `policy_unreadable` for each file that cannot be read.
    """
    sources: list[Source] = []
    findings: list[Finding] = []
    for path in (file for given in paths for file in _files_of(given)):
        try:
            sources.append(Source(str(path), path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            text = f"cannot read the policy file: {why}"
            findings.append(Finding(str(path), 0, 0, "policy_unreadable", text))
    if findings:
        raise PolicyError(findings)
    return sources


def _files_of(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = (file for file in path.iterdir() if file.suffix in (".yaml", ".yml"))
    return sorted(file for file in files if file.is_file() and not is_cases_file(file.name))
