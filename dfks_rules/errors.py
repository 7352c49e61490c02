"""The words for failure. Every other room may use them; they know no other room and no door.

DfksError                    anything of ours that a caller may want to catch
├── MalformedMessageError    a peer's bytes break the rules of their format
├── PolicyError              policy files cannot be used; carries located findings
├── ConfigError              settings cannot be used; carries located findings
└── StoreError               the store could not keep or find a state

Codes are stable, in snake case, the room first. What a code means to a SIP phone, an MI client or a
shell is said by `presence.responses`, `mi.errors` and `cli.exit_codes`.

Belongs here: classes a caller must branch on. Never here: SIP statuses, JSON-RPC codes, exit codes.
May import: phrases.
"""

from typing import Literal, NamedTuple

from dfks_rules.phrases.phrase import phrase

MAX_TOLD = 500
"""Most findings that are told at once: a column that is wrong is wrong in every line."""


class Finding(NamedTuple):
    """One thing that is wrong with a file an author or operator wrote."""

    file: str
    """Path as it was given, or a name such as `command line`."""
    line: int
    """1-based; 0 when the finding is about the file as a whole."""
    column: int
    """1-based; 0 when the finding is about the file as a whole."""
    code: str
    """Stable, e.g. `policy_unknown_fact`."""
    message: str
    """One line, lower case, no final period, the author's own text in backticks."""
    severity: Literal["error", "warning"] = "error"
    """A warning is about a file that can be used."""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        told = {"where": where, "message": self.message, "code": self.code}
        if self.severity == "error":
            return phrase("{where}: {message} [{code}]", **told)
        return phrase("{where}: warning: {message} [{code}]", **told)


class DfksError(Exception):
    """Anything of ours that a caller may want to catch."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class MalformedMessageError(DfksError):
    """A peer's bytes break the rules of their format; the message is fit to be told to the peer."""


class FindingsError(DfksError):
    """Files cannot be used; every finding is kept, sorted by place."""

    def __init__(self, code: str, findings: list[Finding]) -> None:
        self.findings = sorted(findings)
        told = [str(finding) for finding in self.findings[:MAX_TOLD]]
        more = len(self.findings) - len(told)
        told += [f"and {more:,} more"] if more else []
        super().__init__(code, "\n".join(told))


class PolicyError(FindingsError):
    """Policy files cannot be used."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("policy_invalid", findings)


class ConfigError(FindingsError):
    """Invalid settings."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__("config_invalid", findings)


class StoreError(DfksError):
    """The store could not keep or find a state. What was committed before stays committed."""
