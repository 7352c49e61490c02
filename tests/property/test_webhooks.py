"""Webhooks whatever receivers and kills do: nothing is lost, and the order holds."""

import asyncio
import random

from hypothesis import example, given, settings
from hypothesis import strategies as st

from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.operations.webhooks import Result, Tried
from tests.helpers.webhooks import DELIVERED, EVERYBODY, Bench, Sent, run_virtually, users

PEOPLE = users(12)
FAILURES = (
    Tried(Result.REFUSED, "500", 500),
    Tried(Result.TIMEOUT, "no answer"),
    Tried(Result.UNREACHABLE, "connection refused"),
    Tried(Result.MALFORMED, "garbage"),
    Tried(Result.LIMITED, "429", 429, retry_after=300.0),
)


class _Receiver:
    """Fails as chance has it, for at most so many tries of each event."""

    def __init__(self, chance: random.Random, failing: float) -> None:
        self.chance = chance
        self.failing = failing
        self.failures: dict[str, int] = {}
        self.taken: list[Sent] = []

    def answer(self, sent: Sent) -> Tried:
        """What it does with a try."""
        failures = self.failures.get(sent.told["id"], 0)
        if failures < 3 and self.chance.random() < self.failing:
            self.failures[sent.told["id"]] = failures + 1
            return self.chance.choice(FAILURES)
        self.taken.append(sent)
        return DELIVERED


async def _live(bench: Bench, chance: random.Random, changes: int, lives: int) -> None:
    for life in range(lives + 1):
        service = bench.service()
        service.begin()
        if not service.boxes:
            await service.add(EVERYBODY._replace(is_coalescing=chance.random() < 0.3))
        for _ in range(changes if life < lives else 0):
            one = chance.choice(PEOPLE)
            bench.journal.add(one)
            entry = bench.journal.entries[-1]
            before = bench.states.get(one, NOTHING_STORED)
            bench.states[one] = before.replace(entry.feature, entry.after)
            service._pump.wake()
            if chance.random() < 0.1:
                await asyncio.sleep(chance.choice([0.001, 0.1, 10.0]))
        await asyncio.sleep(chance.choice([0.0, 0.3, 100.0]) if life < lives else 80_000)
        if chance.random() < 0.7:
            # The process is killed: nothing more is written.
            bench.store.write = lambda *_: None  # type: ignore[method-assign]
        await service.end()
        bench.store.__dict__.pop("write", None)


@given(
    seed=st.integers(0, 2**32),
    failing=st.sampled_from([0.0, 0.2, 0.9]),
    changes=st.integers(0, 150),
    lives=st.integers(1, 4),
)
@example(seed=3726, failing=0.0, changes=32, lives=1)
@settings(max_examples=60)
def test_every_last_state_arrives_in_order(
    seed: int, failing: float, changes: int, lives: int
) -> None:
    """However often either side fails; what is repeated has the same id and tells the same."""
    chance, bench = random.Random(seed), Bench()
    receiver = _Receiver(chance, failing)
    bench.sends.answer = receiver.answer
    bench.luck = chance.random()
    run_virtually(_live(bench, chance, changes, lives))
    coalesces = next(iter(bench.store.kept.values())).is_coalescing
    for one in PEOPLE:
        expected = [entry.seq for entry in bench.journal.entries if entry.presentity == one]
        seqs = [
            int(sent.told["id"].split("-")[1])
            for sent in receiver.taken
            if sent.told["subject"] == one.uri
        ]
        if coalesces:
            # After a kill, what a newer state has left out may come, and then that one again.
            assert seqs[-1:] == expected[-1:]
        else:
            assert list(dict.fromkeys(seqs)) == expected
    assert not bench.store.letters
