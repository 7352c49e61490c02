"""How far a node of a cluster may serve."""

import re

from dfks_rules.presence import standing
from dfks_rules.presence.standing import Standing


def test_the_table_says_what_each_standing_comes_to() -> None:
    """Whoever adds one says what phones and balancers get."""
    assert standing.__doc__ is not None
    rows = re.findall(r"^\| ([a-z ]+?) +\|", standing.__doc__, re.MULTILINE)
    assert rows[1:] == [one.value for one in Standing]
