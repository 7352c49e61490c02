"""Proofs of what policies decide for every request: files of kind PolicyProof, parsed here.

The name of such a file ends with `proofs.yaml`; it stands beside the policies that it is about.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator

from dfks_rules.errors import Finding, PolicyError
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.language.document import AllOf, Condition, Not
from dfks_rules.policy.reading.read import Reader
from dfks_rules.policy.reading.shared import NOTHING_SHARED, SharedFiles
from dfks_rules.policy.reading.source import Source, parse
from dfks_rules.policy.reading.validate import validate, validator
from dfks_rules.policy.reading.variables import substitute
from dfks_rules.policy.studying.proof_schema import proof_schema
from dfks_rules.yaml.tree import Path, Tree


class Property(NamedTuple):
    """One thing that is to be proved."""

    name: str
    """What is so, as a sentence."""
    line: int
    """Its line in the file, 1-based."""
    when: Condition
    """Which requests it is about, with those that it is not about left out."""
    expect: Mapping[str, Any]
    """How each of them is decided, with the keys of `expect` in a case."""
    other: str | None
    """Path of the policies that decide alike, relative to the file; None: not asked."""
    is_some: bool
    """Whether one such request is enough."""


class ProofFile(NamedTuple):
    """One file of proofs."""

    file: str
    """Path as given."""
    policies: tuple[str, ...]
    """The policy files, or folders of them, relative to this file."""
    proofs: tuple[Property, ...]
    """In the order of the file."""
    tree: Tree
    """What is written there, and where."""


Named = Callable[[tuple[str, ...]], Sequence[Source]]
"""What a file of proofs names as its policies → the files that this means."""


def nothing_named(_paths: tuple[str, ...]) -> Sequence[Source]:
    """No file is there."""
    return ()


def parse_proofs(source: Source, named: Named = nothing_named) -> ProofFile:
    """The proofs in one file.

    Args:
        source: the file.
        named: the files of the policies, whose lists, variables and calendars proofs may use.

    Raises:
        PolicyError: with every finding.
    """
    tree, findings = parse(source)
    shared = NOTHING_SHARED
    if tree is not None:
        shared = SharedFiles(named(_policies_of(tree))).of(source.tenant)
        tree, found = substitute(tree, shared.variables)
        findings += [one for one in found if one.severity == "error"]
        if not findings:
            findings += [finding for _, finding in validate(tree, _validator())]
    if tree is None or findings:
        raise PolicyError(findings)
    reader = Reader(tree, shared)
    proofs = [
        _proof(tree, reader, ("proofs", place), findings)
        for place in range(len(tree.value["proofs"]))
    ]
    findings += reader.findings
    if findings:
        raise PolicyError(findings)
    return ProofFile(source.file, tuple(tree.value["policies"]), tuple(proofs), tree)


def _policies_of(tree: Tree) -> tuple[str, ...]:
    """What a file names as its policies; nothing where the schema will refuse it."""
    written = tree.value.get("policies") if isinstance(tree.value, dict) else None
    return (
        tuple(one for one in written if isinstance(one, str)) if isinstance(written, list) else ()
    )


def _proof(tree: Tree, reader: Reader, path: Path, findings: list[Finding]) -> Property:
    written = tree.at(path)
    if ("expect" in written) == ("some" in written):
        message = phrase("a proof has either `expect` or `some`")
        findings.append(tree.finding(path, "policy_value", message))
    when = reader.condition(written["when"], (*path, "when"))
    if "unless" in written:
        unless = reader.condition(written["unless"], (*path, "unless"), is_denied=True)
        when = AllOf((when, Not(unless)))
    expect = dict(written.get("expect") or written.get("some") or {})
    other = expect.pop("as", None)
    line = tree.places[path].line
    return Property(written["name"], line, when, expect, other, "some" in written)


@cache
def _validator() -> Draft202012Validator:
    return validator(proof_schema())
