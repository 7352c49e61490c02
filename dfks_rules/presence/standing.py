"""How far a node may serve, in a cluster; a server by itself always serves.

| it is    | since                                | change | refresh     | set | new | OPTIONS |
|----------|--------------------------------------|--------|-------------|-----|-----|---------|
| serving  | its lease holds                      | told   | 200         | yes | yes | 200     |
| draining | an operator said so                  | told   | 200         | yes | 503 | 503     |
| blind    | its lease is over, the engine silent | no     | from memory | 503 | 503 | 503     |
| cut off  | it was blind for too long, or buried | no     | 503         | 503 | 503 | 503     |

Reference: docs/topics/several-nodes.md
"""

from collections.abc import Callable
from enum import Enum


class Standing(Enum):
    """How far a node may serve."""

    SERVING = "serving"
    DRAINING = "draining"
    BLIND = "blind"
    CUT_OFF = "cut off"

    __hash__ = object.__hash__


Stands = Callable[[float], Standing]
"""How far the node may serve at a moment (monotonic seconds)."""
