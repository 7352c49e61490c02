"""Countries as policies and number plans write them: ISO 3166-1 alpha-2."""

from phonenumbers import SUPPORTED_REGIONS

from dfks_rules.phrases.phrase import meant, phrase
from dfks_rules.policy.words.wording import did_you_mean, quoted

_MEANT = {"UK": "GB", "EL": "GR", "EN": "GB"}
"""Codes that people write for a country but ISO 3166-1 does not define → the code they mean."""


def country_problem(code: str) -> str | None:
    """What is wrong with a country code; None when telephone numbers can belong to that country."""
    if code in SUPPORTED_REGIONS:
        return None
    known = _MEANT.get(code.upper())
    hint = meant(known) if known else did_you_mean(code, sorted(SUPPORTED_REGIONS))
    return phrase(
        "{code} is not a country of ISO 3166, like `DE`{hint}", code=quoted(code), hint=hint
    )
