"""Policy files in the bodies of requests, and who may ask about policies."""

from collections.abc import Mapping, Sequence
from typing import Any

from dfks_rules.operations.studies import Text
from dfks_rules.phrases.phrase import phrase
from dfks_rules.web.problem import Problem
from dfks_rules.web.schemas import record
from dfks_rules.web.table import Call

MAX_FILES = 20
MAX_LENGTH = 64 * 1024
"""Most characters, and bytes, of a file."""
NAME = r"^(tenants/[a-z0-9.-]+/)?[A-Za-z0-9_][A-Za-z0-9_.-]*\.(yaml|yml|csv)$"

FILES: Mapping[str, Any] = {
    "type": "array",
    "description": "Files of policies, directories, number plans, cases and proofs, named as in a "
    "folder of policies; names of files of cases end with `cases.yaml`, those of proofs with "
    "`proofs.yaml`.",
    "minItems": 1,
    "maxItems": MAX_FILES,
    "items": record(
        {
            "name": {
                "type": "string",
                "maxLength": 200,
                "pattern": NAME,
                "examples": ["night.yaml", "tenants/acme.example/policy.yaml"],
            },
            "text": {"type": "string", "maxLength": MAX_LENGTH},
        }
    ),
}


def texts_of(files: Sequence[Mapping[str, str]]) -> list[Text]:
    """The files of a body that fits `FILES`.

    Raises:
        Problem: two have one name, or one is too large.
    """
    texts = [Text(file["name"], file["text"]) for file in files]
    names = set()
    for number, text in enumerate(texts):
        if text.name in names or not text.name.isprintable():
            what = phrase("is given twice") if text.name in names else phrase("is not printable")
            raise _wrong(
                f"/files/{number}/name",
                phrase("`{name}` {what}", name=text.name, what=what),
            )
        if len(text.text.encode()) > MAX_LENGTH:
            raise _wrong(
                f"/files/{number}/text",
                phrase("has more than {max_length} bytes", max_length=MAX_LENGTH),
            )
        names.add(text.name)
    return texts


def whole(call: Call) -> None:
    """Policies decide for all domains: whoever may see only some of these is turned away.

    Raises:
        Problem: the token is limited to domains.
    """
    domains = call.caller.domains
    if domains is not None:
        detail = phrase("policies decide for all domains; this token is limited to some")
        raise Problem("scope-missing", detail, domains=sorted(domains))


def _wrong(pointer: str, detail: str) -> Problem:
    return Problem(
        "invalid-body",
        phrase("{pointer}: {detail}", pointer=pointer, detail=detail),
        errors=[{"pointer": pointer, "detail": detail}],
    )
