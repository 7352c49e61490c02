"""Values by what they have in common with the first: by C and by Python, the same to all."""

from random import Random
from typing import Any

import pytest

from dfks_rules.presence import packing
from dfks_rules.presence.packing import DeflatePacking, NativePacking, packing_like

KINDS = [
    DeflatePacking,
    pytest.param(
        NativePacking,
        marks=pytest.mark.skipif(not packing.IS_COMPILED, reason="C was not compiled"),
    ),
]
Kind = type[DeflatePacking] | type[NativePacking]
_TEXT = b"<sip:u1@example.com>;tag=abc1 Call-ID: 123456@phone.example.com, " * 4
_FIRST = _TEXT, "u1", 5060, None, (True, 1e9, (), b"")
_TAG = b"0123456789abcdef"


def _bytes(draw: Random) -> bytes:
    start = draw.randrange(len(_TEXT))
    new = draw.randbytes(draw.choice((0, 1, 7, 40, 300)))
    return _TEXT[start : start + draw.randrange(200)] + new + new[:20] + _TAG[: draw.randrange(17)]


def _value(draw: Random, depth: int = 4) -> Any:
    kind = draw.randrange(7 if depth else 6)
    if kind == 0:
        return draw.choice((None, True, False))
    if kind == 1:
        return draw.choice((1, -1)) * draw.getrandbits(draw.randrange(64))
    if kind == 2:
        return draw.uniform(-1e300, 1e300)
    if kind == 3:
        return "".join(draw.choices("uU1\0é€\udc80\U0001f4de", k=draw.randrange(70)))
    if kind < 6:
        return _bytes(draw)
    return tuple([_value(draw, depth - 1) for _ in range(draw.choice((0, 1, 2, 5, 40)))])


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_unpacked_is_what_was_packed(kind: Kind) -> None:
    """Whatever it is: like the first, like itself, like nothing."""
    draw, packs = Random(1), kind(_FIRST)
    for _ in range(2_000):
        values = _value(draw), _value(draw)
        packed = packs.pack(_TAG, b"head", values)
        again = packs.unpack(_TAG, packed, 4)
        assert (packed[:4], again, repr(again)) == (b"head", values, repr(values))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_long_is_packed_too(kind: Kind) -> None:
    """Longer than what is compared with, than what is looked back at, than what is looked at."""
    noise = Random(2).randbytes(70_000)
    for first in (_FIRST, (noise[:5_000],)):
        packs = kind(first)
        for long in (noise, b"ab" * 50_000, noise[:9_000] * 2, b"x" * 4_071):
            packed = packs.pack(_TAG, b"", (long, "u1"))
            assert packs.unpack(_TAG, packed, 0) == (long, "u1")
            assert len(packed) < 1.01 * len(long) + 32


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_like_the_first_or_is_known_takes_hardly_any_room(kind: Kind) -> None:
    """A name that is new, and where it stands."""
    values = (_TEXT.replace(b"u1@", b"u2345@", 1) + _TAG, *_FIRST[1:])
    assert len(kind(_FIRST).pack(_TAG, b"", values)) < 30


@pytest.mark.skipif(not packing.IS_COMPILED, reason="C was not compiled")
def test_c_refuses_what_was_not_packed() -> None:
    """Nobody gives it that; if somebody did, no other memory would be shown."""
    draw, packs = Random(3), packing_like(_FIRST)
    packed = packs.pack(_TAG, b"", (*_FIRST, b"new", ("é", -5, 1e9)))
    wrong = [packed[:length] for length in range(len(packed))]
    wrong += [packed + b"\0", b"\x40\xff\xff", b"\xff" * 5, b""]
    for one in wrong:
        with pytest.raises(ValueError, match=r"not what was packed|codec"):
            packs.unpack(_TAG, one, 0)
    with pytest.raises(ValueError, match="not what was packed"):
        packs.unpack(_TAG, packed, len(packed) + 1)
    for _ in range(20_000):
        mutated = bytearray(packed)
        mutated[draw.randrange(len(packed))] = draw.randrange(256)
        try:
            packs.unpack(_TAG, bytes(mutated), 0)
        except ValueError:
            continue


@pytest.mark.skipif(not packing.IS_COMPILED, reason="C was not compiled")
def test_c_packs_nothing_that_it_could_not_unpack() -> None:
    """Nor does it call what a subclass may have made of a value."""
    packs = packing_like(_FIRST)
    deep: tuple[Any, ...] = ()
    for _ in range(9):
        deep = (deep,)
    many: tuple[Any, ...] = ([1], {1}, bytearray(b"x"), deep)
    for wrong in many:
        with pytest.raises(TypeError, match="cannot be packed"):
            packs.pack(_TAG, b"", (wrong,))
    with pytest.raises(OverflowError):
        packs.pack(_TAG, b"", (1 << 64,))
