"""`kind: NumberPlan` files → the number plan."""

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator

from dfks_rules.errors import Finding
from dfks_rules.phrases.phrase import phrase
from dfks_rules.policy.reading.read_star_codes import (
    find_impossible_codes,
    star_codes,
    star_codes_schema,
)
from dfks_rules.policy.reading.schema_pieces import (
    API_VERSION,
    IDENTIFIER,
    MAX_LIST,
    TEXT,
    Schema,
    list_schema,
    metadata_schema,
    object_schema,
)
from dfks_rules.policy.reading.source import Source, parse
from dfks_rules.policy.reading.validate import validate, validator
from dfks_rules.policy.site.number_plan import MAX_EXTENSION, Dialling, NumberPlan
from dfks_rules.policy.words.countries import country_problem
from dfks_rules.policy.words.wording import quoted
from dfks_rules.yaml.tree import Path, Tree

_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,8}", re.ASCII)
_NAME = re.compile(IDENTIFIER)
_DOMAIN_NAME = re.compile(r"[^A-Z@\s]{1,253}")


class PlanFile(NamedTuple):
    """One NumberPlan file that conforms to the schema."""

    tree: Tree
    """Its content."""
    tenant: str | None
    """The only domain it may describe; None: any."""


def read_number_plan(source: Source) -> tuple[PlanFile | None, list[Finding]]:
    """One file of kind NumberPlan, or None and the findings about it."""
    tree, findings = parse(source)
    if tree is not None:
        findings = [finding for _, finding in validate(tree, _validator())]
        if not findings:
            findings = list(_impossible(tree, source.tenant))
    return (None, findings) if tree is None or findings else (PlanFile(tree, source.tenant), [])


def make_number_plan(files: Iterable[PlanFile]) -> tuple[NumberPlan, list[Finding]]:
    """The plan made of several files, and where they contradict each other."""
    findings: list[Finding] = []
    country: str | None = None
    written: dict[str, Mapping[str, Any]] = {}
    prefixes: dict[str, str] = {}
    for tree, _ in files:
        said = tree.value.get("country")
        if said and country not in (None, said):
            message = phrase(
                "country is `{said}` here and `{country}` in another file",
                said=said,
                country=country,
            )
            findings.append(tree.finding(("country",), "policy_inconsistent", message))
        country = country or said
        for domain, dialling in tree.value.get("domains", {}).items():
            if domain in written:
                message = phrase("domain `{domain}` is already in another file", domain=domain)
                findings.append(
                    tree.finding(("domains", domain), "policy_inconsistent", message, at_key=True)
                )
            written[domain] = dialling
        for path, name, prefix in _class_prefixes(tree):
            known = prefixes.setdefault(prefix, name)
            if known != name:
                message = phrase(
                    "`{prefix}` is already of class `{known}`", prefix=prefix, known=known
                )
                findings.append(tree.finding(path, "policy_inconsistent", message))
    domains = {domain: _dialling(one, country) for domain, one in written.items()}
    codes = {domain: star_codes(one["codes"]) for domain, one in written.items() if "codes" in one}
    return NumberPlan(Dialling(country), domains, prefixes, codes), findings


def _dialling(written: Mapping[str, object], country: str | None) -> Dialling:
    internal = written.get("internal", {})
    assert isinstance(internal, Mapping)  # noqa: S101 - the schema demands it
    lengths = internal.get("lengths")
    return Dialling(
        str(written["country"]) if "country" in written else country,
        None if lengths is None else tuple(lengths),
        tuple(internal.get("prefixes", ())),
        str(written.get("outside", "")),
        str(written.get("area", "")),
    )


def _class_prefixes(tree: Tree) -> Iterator[tuple[Path, str, str]]:
    """(path, name of the class, prefix) of each entry under `classes`."""
    for name, prefixes in tree.value.get("classes", {}).items():
        for position, prefix in enumerate(prefixes):
            yield ("classes", name, position), name, prefix


def _impossible(tree: Tree, tenant: str | None) -> Iterator[Finding]:
    """Errors that the schema cannot express."""
    value = tree.value
    if tenant is not None:
        for key in sorted({"country", "classes"} & value.keys()):
            message = phrase(
                "`{key}` is for every domain; a tenant's file may only have `domains`", key=key
            )
            yield tree.finding((key,), "policy_tenant", message, at_key=True)
    if "country" in value:
        yield from _unknown_country(tree, ("country",), value["country"])
    for domain in value.get("domains", {}):
        yield from _impossible_domain(tree, domain, tenant)
    for name in value.get("classes", {}):
        if not _NAME.match(name):
            wanted = phrase("a name of lower-case letters, digits and `-`, a letter first")
            message = phrase("{name} is not {wanted}", name=quoted(name), wanted=wanted)
            yield tree.finding(("classes", name), "policy_value", message, at_key=True)
    for path, _, prefix in _class_prefixes(tree):
        if not _PREFIX.fullmatch(prefix):
            message = phrase(
                "{prefix} is not the start of an E.164 number, like `+49900`", prefix=quoted(prefix)
            )
            yield tree.finding(path, "policy_value", message)


def _impossible_domain(tree: Tree, domain: str, tenant: str | None) -> Iterator[Finding]:
    path: Path = ("domains", domain)
    dialling = tree.value["domains"][domain]
    if not _DOMAIN_NAME.fullmatch(domain):
        message = phrase("{domain} is not a domain in lower case", domain=quoted(domain))
        yield tree.finding(path, "policy_value", message, at_key=True)
    elif tenant not in (None, domain):
        message = phrase(
            "domain `{domain}` is not this tenant's domain, `{tenant}`",
            domain=domain,
            tenant=tenant,
        )
        yield tree.finding(path, "policy_tenant", message, at_key=True)
    if "country" in dialling:
        yield from _unknown_country(tree, (*path, "country"), dialling["country"])
    yield from _not_digits(tree, path, dialling)
    yield from find_impossible_codes(tree, (*path, "codes"), dialling.get("codes", {}))


def _unknown_country(tree: Tree, path: Path, code: str) -> Iterator[Finding]:
    problem = country_problem(code)
    if problem:
        yield tree.finding(path, "policy_value", problem)


def _not_digits(tree: Tree, path: Path, dialling: Mapping[str, object]) -> Iterator[Finding]:
    for key in ("outside", "area"):
        digits = dialling.get(key, "0")
        if not _DIGITS.fullmatch(str(digits)):
            message = phrase("{digits} is not 1 to 8 digits", digits=quoted(digits))
            yield tree.finding((*path, key), "policy_value", message)
    internal = dialling.get("internal", {})
    assert isinstance(internal, Mapping)  # noqa: S101 - the schema demands it
    for position, prefix in enumerate(internal.get("prefixes", ())):
        if not _DIGITS.fullmatch(prefix):
            place = (*path, "internal", "prefixes", position)
            yield tree.finding(
                place,
                "policy_value",
                phrase("{digits} is not 1 to 8 digits", digits=quoted(prefix)),
            )


@cache
def _validator() -> Draft202012Validator:
    return validator(number_plan_schema())


def number_plan_schema() -> Schema:
    """The schema of a file of kind NumberPlan."""
    length: Schema = {"type": "integer", "minimum": 1, "maximum": MAX_EXTENSION}
    country: Schema = {**TEXT, "description": "ISO 3166-1 alpha-2, e.g. `DE`."}
    internal = object_schema(
        "Which numbers are extensions.",
        ["lengths"],
        {
            "lengths": {**list_schema(length), "description": "How many digits they have."},
            "prefixes": {**list_schema(TEXT), "description": "What they start with."},
        },
    )
    dialling = object_schema(
        "How the phones of this domain write numbers.",
        [],
        {
            "country": country,
            "internal": internal,
            "outside": {**TEXT, "description": "Dialled first for an outside line, e.g. `0`."},
            "area": {**TEXT, "description": "Area code of numbers without one, e.g. `30`."},
            "codes": star_codes_schema(),
        },
    )
    prefixes: Schema = {
        "type": "array",
        "minItems": 1,
        "maxItems": 10 * MAX_LIST,
        "items": {**TEXT, "description": "The start of an E.164 number, e.g. `+49900`."},
    }
    properties: Schema = {
        "apiVersion": {"const": API_VERSION, "description": "The language: dfks/v1."},
        "kind": {"const": "NumberPlan", "description": "This file describes numbers."},
        "metadata": metadata_schema("What the plan is called."),
        "country": {**country, "description": "The country of every domain that names none."},
        "domains": {
            "type": "object",
            "description": "Domain → how its phones write numbers.",
            "additionalProperties": dialling,
        },
        "classes": {
            "type": "object",
            "description": "Class → prefixes of its numbers; the longest decides.",
            "additionalProperties": prefixes,
        },
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dfks number plan",
        **object_schema(
            "Numbers, as dfks-rules policies see them.",
            ["apiVersion", "kind", "metadata"],
            properties,
        ),
    }
