"""Records that compiled code creates with a single allocation.

A named tuple is always created by a Python function, even from compiled code. Objects created for
each message are therefore `Record`s in a compiled file: plain classes, whose constructors are then
C. Dictionary keys, and tuples that are unpacked, stay named tuples: their hash and equality are C
anyway.

Reference: docs/decisions/0007-the-hot-rooms-are-compiled.md.
"""

from typing import Any, ClassVar, Self


class Record:
    """Immutable; equal to a record of the same class with equal fields.

    A class lists its fields in `_fields`, in the order of its constructor.
    """

    _fields: ClassVar[tuple[str, ...]] = ()

    def _values(self) -> tuple[object, ...]:
        return tuple([getattr(self, name) for name in self._fields])

    def _replace(self, **changes: Any) -> Self:
        """A copy with some fields replaced."""
        for name in self._fields:
            if name not in changes:
                changes[name] = getattr(self, name)
        return type(self)(**changes)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return type(self) is type(other) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def __repr__(self) -> str:
        fields = [f"{name}={getattr(self, name)!r}" for name in self._fields]
        return f"{type(self).__name__}({', '.join(fields)})"
