"""Values made into few bytes by what they have in common with the first of their kind.

By C in 1 µs, and back in 1; where it was not compiled, by `marshal` and deflate, in 7 and 3. What
is packed stays in the process that packed it, so that these two need not read each other's.
"""

import marshal
import zlib
from typing import Any, Final, Protocol, final

try:
    from dfks_rules.presence import _packing
except ImportError:
    IS_COMPILED = False
else:
    IS_COMPILED = True

_COMMON: Final = b"Contact: <sip::5060>\r\nEvent: as-feature-event\r\n<sip:@>;tag=<sip:@:5060>"
"""What there is nearly always, should the first be odd."""
_MARSHAL: Final = 2
"""A version of the format without references: the same for the same values."""
_WINDOW: Final = -12
"""2¹² bytes, for what is compared with and what is packed."""

Values = tuple[Any, ...]
"""None, bool, int of 63 bits, float, str, bytes, and tuples of these."""


class Packing(Protocol):
    """Makes values into few bytes."""

    def pack(self, known: bytes, head: bytes, values: Values) -> bytes:
        """Bytes behind a head that stays as it is.

        Args:
            known: what whoever unpacks knows besides.
            head: what to put in front.
            values: what to pack.
        """
        ...

    def unpack(self, known: bytes, packed: bytes, size: int) -> Any:
        """The values that were packed.

        Args:
            known: the same.
            packed: what `pack` gave.
            size: of its head, bytes.
        """
        ...


@final
class NativePacking:
    """By C."""

    def __init__(self, first: Values) -> None:
        self._learnt: Final = _packing.learn((_COMMON, first))

    def pack(self, known: bytes, head: bytes, values: Values) -> bytes:
        """See `Packing`."""
        return _packing.pack(self._learnt, known, head, values)

    def unpack(self, known: bytes, packed: bytes, size: int) -> Any:
        """See `Packing`."""
        return _packing.unpack(self._learnt, known, packed, size)


@final
class DeflatePacking:
    """By the standard library."""

    def __init__(self, first: Values) -> None:
        self._like: Final = marshal.dumps((_COMMON, first), _MARSHAL)

    def pack(self, known: bytes, head: bytes, values: Values) -> bytes:
        """See `Packing`."""
        # Without trees of its own, which cost 1 µs and gain nothing.
        packer = zlib.compressobj(1, zlib.DEFLATED, _WINDOW, 5, zlib.Z_FIXED, self._like + known)
        return head + packer.compress(marshal.dumps(values, _MARSHAL)) + packer.flush()

    def unpack(self, known: bytes, packed: bytes, size: int) -> Any:
        """See `Packing`."""
        plain = zlib.decompressobj(_WINDOW, self._like + known).decompress(packed[size:])
        return marshal.loads(plain)  # noqa: S302 - our own


def packing_like(first: Values) -> Packing:
    """What packs others that are like the first."""
    return NativePacking(first) if IS_COMPILED else DeflatePacking(first)
