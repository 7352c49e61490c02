"""The C that splits messages of the usual shape, or what stands for it where it was not compiled.

docs/decisions/0031-a-splitter-in-c.md says what it takes, and why. `message` reads all the rest;
whatever C takes means what `message` would have made of it.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dfks_rules.sip._wire import Usual

    SplitRequest = Callable[[bytes], Usual | None]
    SplitResponse = Callable[[bytes], tuple[int, bytes] | None]


def _take_nothing(data: bytes) -> None:
    """Leave a message to `message`."""


split_request: "SplitRequest" = _take_nothing
"""A request of the usual shape, taken apart; None for others, and for what is wrong with one."""
split_response: "SplitResponse" = _take_nothing
"""Status and branch of a response to a NOTIFY; None for others."""
try:
    from dfks_rules.sip import _wire
except ImportError:
    pass
else:
    split_request, split_response = _wire.split_request, _wire.split_response
IS_COMPILED: Final = split_request is not _take_nothing
"""Whether C splits messages: for a line in the log."""
