"""Records that compiled code makes at the cost of one allocation.

A named tuple is made by a Python function, whoever calls it. What is made for each message is a
`Record` in a compiled file: a plain class, whose constructor then is C. What is a key of a
dictionary, or is taken apart, stays a named tuple: its hash and its equality are C anyway.

Reference: docs/decisions/0007-the-hot-rooms-are-compiled.md.
"""

from typing import Any, ClassVar, Self


class Record:
    """Immutable; equal to one of its class with equal fields, as a named tuple is.

    A class lists its fields in `_fields`, in the order of its constructor.
    """

    _fields: ClassVar[tuple[str, ...]] = ()

    def _values(self) -> tuple[object, ...]:
        return tuple([getattr(self, name) for name in self._fields])

    def _replace(self, **changes: Any) -> Self:
        """The same with other values of some fields."""
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
