"""Star codes: what a user dials to switch a feature, such as `*72201`."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from dfks_rules.model.features import VALUES_OF, Feature
from dfks_rules.model.values import Value

MAX_CODE = 8
"""Most characters of a code."""
MAX_DIALLED = 64
"""Most characters that are dialled, with the target."""
FEATURES = tuple(
    feature
    for feature in Feature
    if feature is Feature.DO_NOT_DISTURB or Value.FORWARD_TO in VALUES_OF[feature]
)
"""Those that a code can switch."""
_TARGET = re.compile(r"\+?[0-9]+", re.ASCII)


class StarCode(NamedTuple):
    """What a code does."""

    feature: Feature
    """One of `FEATURES`."""
    status: bool | None
    """On or off; None: the other one."""

    @property
    def takes_target(self) -> bool:
        """Whether digits after the code say where calls go."""
        return self.status is True and Value.FORWARD_TO in VALUES_OF[self.feature]


class Dialled(NamedTuple):
    """What somebody has dialled."""

    code: StarCode
    target: str | None
    """The digits after the code; None when there are none."""


def read_star_code(digits: str, codes: Mapping[str, StarCode]) -> Dialled | None:
    """What digits mean; None when they are no code, or not a whole one.

    A `#` at the end, by which many phones say that dialling has ended, is ignored.

    Args:
        digits: as dialled; any text.
        codes: code → what it does.
    """
    if len(digits) > MAX_DIALLED:
        return None
    whole = codes.get(digits)
    if whole is not None:
        return Dialled(whole, None)
    digits = digits.removesuffix("#")
    for length in range(min(len(digits), MAX_CODE), 1, -1):
        code, rest = codes.get(digits[:length]), digits[length:]
        if code is None:
            continue
        if not rest:
            return Dialled(code, None)
        if code.takes_target and _TARGET.fullmatch(rest):
            return Dialled(code, rest)
    return None
