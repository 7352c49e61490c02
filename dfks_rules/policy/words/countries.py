"""Countries as policies and number plans write them: ISO 3166-1 alpha-2."""

from phonenumbers import SUPPORTED_REGIONS

from dfks_rules.policy.words.wording import did_you_mean, quoted

_MEANT = {"UK": "GB", "EL": "GR", "EN": "GB"}
"""Codes that people write for countries, and ISO 3166 does not have."""


def country_problem(code: str) -> str | None:
    """What is wrong with the code of a country; None when a number can be of it."""
    if code in SUPPORTED_REGIONS:
        return None
    meant = _MEANT.get(code.upper())
    hint = f" (did you mean `{meant}`?)" if meant else did_you_mean(code, sorted(SUPPORTED_REGIONS))
    return f"{quoted(code)} is not a country of ISO 3166, like `DE`{hint}"
