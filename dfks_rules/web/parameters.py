"""Parameters that several operations take."""

import re
from datetime import datetime

from dfks_rules.model.features import Feature
from dfks_rules.operations.states import aor_from, domain_from, printable_from
from dfks_rules.phrases.phrase import phrase
from dfks_rules.web.table import Call, Parameter, Where

_REVISION = re.compile(r'"([0-9]{1,18})"')
_KEY = re.compile(r"[!-~]{1,255}")
FEATURES = [feature.value for feature in Feature]
"""Names of all features."""


def take_feature(text: str) -> Feature:
    """The feature with a name.

    Raises:
        ValueError: there is none.
    """
    try:
        return Feature(text)
    except ValueError:
        message = phrase(
            "`{text}` is not one of {listed}", text=text[:40], listed=", ".join(FEATURES)
        )
        raise ValueError(message) from None


def _take_revision(text: str) -> int:
    """The revision that If-Match names."""
    found = _REVISION.fullmatch(text.strip())
    if found is None:
        message = phrase('`{text}` is not an ETag such as "7"', text=text[:40])
        raise ValueError(message)
    return int(found[1])


def moment_from(text: str) -> datetime:
    """A time with its offset from UTC.

    Raises:
        ValueError: it is none.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        message = phrase("`{text}` is not a time such as 2026-01-05T12:00:00Z", text=text[:40])
        raise ValueError(message)
    return moment


def _take_key(text: str) -> str:
    if _KEY.fullmatch(text) is None:
        message = phrase("1 to 255 visible ASCII characters are needed")
        raise ValueError(message)
    return text


AOR = Parameter(
    "aor",
    Where.PATH,
    "The presentity: `sip:alice@example.com` or `alice@example.com`, percent-encoded.",
    {"type": "string", "minLength": 3, "maxLength": 1024, "examples": ["sip:alice@example.com"]},
    aor_from,
    kind="bad-presentity",
)
FEATURE = Parameter(
    "feature",
    Where.PATH,
    "The name of a feature.",
    {"type": "string", "enum": FEATURES},
    take_feature,
    kind="no-such-feature",
)
PRESENTITY = Parameter(
    "presentity",
    Where.QUERY,
    "Only of this presentity.",
    {"type": "string", "minLength": 3, "maxLength": 1024, "examples": ["sip:alice@example.com"]},
    aor_from,
    kind="bad-presentity",
)
DOMAIN = Parameter(
    "domain",
    Where.QUERY,
    "Only of this domain.",
    {"type": "string", "minLength": 1, "maxLength": 255},
    domain_from,
)
IF_MATCH = Parameter(
    "If-Match",
    Where.HEADER,
    "The ETag that the presentity must have; otherwise nothing happens (412).",
    {"type": "string", "pattern": '^"[0-9]{1,18}"$', "examples": ['"7"']},
    _take_revision,
)
IF_NONE_MATCH = Parameter(
    "If-None-Match",
    Where.HEADER,
    "The ETag that the client knows: 304 if it is still current.",
    {"type": "string", "examples": ['"7"']},
    str,
)
IDEMPOTENCY_KEY = Parameter(
    "Idempotency-Key",
    Where.HEADER,
    "A text of the client's own, such as a UUID. A request that is repeated with its key gets "
    "the same answer for 24 hours, and nothing is done twice.",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    _take_key,
)
PARAM = Parameter(
    "Dfks-Param",
    Where.HEADER,
    "A text that policies see as the fact `param`.",
    {"type": "string", "maxLength": 512, "pattern": "^[ -~]*$"},
    printable_from,
)


def domains_of(call: Call) -> frozenset[str] | None:
    """The domains whose presentities are asked for, of those that the caller sees; None: all."""
    domain = call.given.get(DOMAIN.name)
    return call.caller.domains if domain is None else frozenset([domain])
