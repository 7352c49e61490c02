"""The C that splits messages of the usual shape, or what stands for it where it was not compiled.

docs/decisions/0031-a-splitter-in-c.md says what it takes, and why. `message`, `uri` and `address`
read all the rest; whatever C takes means what they would have made of it.
"""

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from dfks_rules.sip import _wire as kinds


def _take_nothing(_: bytes) -> None:
    """Leave it to Python."""


def _make_nothing(*_: object) -> None:
    """Leave it to Python."""


split_request: "kinds.SplitRequest" = _take_nothing
"""A request of the usual shape, taken apart; None for others, and for what is wrong with one."""
split_response: "kinds.SplitResponse" = _take_nothing
"""Status and branch of a response to a NOTIFY; None for others."""
read_uri: "kinds.ReadUri" = _take_nothing
"""What `parse_uri` gives, in 0.1 µs instead of 0.8; None for what is unusual or wrong."""
read_address: "kinds.ReadAddress" = _take_nothing
"""URI and tag of what `parse_address` reads, in 0.1 µs instead of 0.3; None as above."""
make_aor: "kinds.MakeAor" = _make_nothing
"""What `aor_of` gives for a user and a host, in 0.1 µs instead of 0.4; None for what has escapes
or is not ASCII."""
name_types: "kinds.NameTypes" = _make_nothing
"""Say what is to be made."""
try:
    from dfks_rules.sip import _wire
except ImportError:
    pass
else:
    split_request, split_response = _wire.split_request, _wire.split_response
    read_uri, read_address, make_aor = _wire.read_uri, _wire.read_address, _wire.make_aor
    name_types = _wire.name_types
IS_COMPILED: Final = split_request is not _take_nothing
"""Whether C splits messages."""
