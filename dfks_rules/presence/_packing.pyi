"""Values made into few bytes by C (`native/`); see `packing`."""

from typing import Any

def learn(first: tuple[Any, ...], /) -> bytes:
    """What is needed to pack what is like this."""

def pack(learnt: bytes, known: bytes, head: bytes, values: tuple[Any, ...], /) -> bytes:
    """`head`, and after it the values, with what they have in common with others left out.

    Args:
        learnt: what `learn` gave.
        known: what is known besides to whoever unpacks.
        head: what stays as it is.
        values: None, bool, int of 63 bits, float, str, bytes, and tuples of these, 8 deep at most.

    Raises:
        TypeError: there is another one in it.
        OverflowError: there is a larger number.
    """

def unpack(learnt: bytes, known: bytes, packed: bytes, size: int, /) -> Any:
    """The values that were packed.

    Args:
        learnt: the same.
        known: the same.
        packed: what `pack` gave.
        size: of its head, bytes.

    Raises:
        ValueError: it is something else.
    """
