"""Random things from plain `random`: every choice is equally likely, and a seed repeats it all.

Hypothesis draws small and simple things, many of them nearly the same, since it means to shrink
them: more than half of the hand-made mutants of the server lived through 12,000 decisions.
"""

import os
from collections.abc import Callable
from random import Random, SystemRandom
from typing import Any

Draw = Callable[[Random], Any]
"""Draws one thing."""

SEED = "DFKS_TEST_SEED"
"""The environment variable that repeats one failure."""


def just(what: Any) -> Draw:
    """Always this."""
    return lambda _: what


def pick(*what: Any) -> Draw:
    """One of these."""
    return lambda random: random.choice(what)


def one_of(*draws: Draw) -> Draw:
    """What one of these draws."""
    return lambda random: random.choice(draws)(random)


def some(required: dict[str, Draw], **optional: Draw) -> Draw:
    """A mapping with all of the first, and about half of the others: at least one key."""

    def draw(random: Random) -> dict[str, Any]:
        kept = [name for name in optional if random.random() < 0.5]
        if not kept and not required:
            kept = [random.choice(list(optional))]
        names = {**required, **{name: optional[name] for name in kept}}
        return {name: one(random) for name, one in names.items()}

    return draw


def between(least: int, most: int, draw: Draw) -> Draw:
    """A list of so many things."""
    return lambda random: [draw(random) for _ in range(random.randint(least, most))]


def seeds(number: int) -> list[int]:
    """So many seeds, all new; or the one of a failure that is to be repeated."""
    again = os.environ.get(SEED)
    first = SystemRandom().getrandbits(32)
    return [int(again)] if again else [first + n for n in range(number)]


def seeded(number: int) -> Callable[[Callable[[Random], None]], Callable[[], None]]:
    """A test of random things, which is run so often; a failure says what repeats it."""

    def decorate(check: Callable[[Random], None]) -> Callable[[], None]:
        def test() -> None:
            run_seeded(number, check)

        test.__name__, test.__doc__ = check.__name__, check.__doc__
        test.__module__ = check.__module__
        return test

    return decorate


def run_seeded(number: int, check: Callable[[Random], None]) -> None:
    """Checks with so many seeds; a failure says which one repeats it."""
    for seed in seeds(number):
        try:
            check(Random(seed))
        except Exception as error:
            error.add_note(f"{SEED}={seed} repeats it")
            raise
