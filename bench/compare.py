"""Two versions in turns: `python -m bench.compare CHECKOUT [CHECKOUT] [--slices N] [--memory]`.

Each checkout has a `.venv` of its own (`make setup`); the second one is this one where it is not
given. Both servers run at the same time on one CPU, and get a thousand requests each in turn, so
that what else the machine does affects both. Prints JSON: CPU µs of each cycle, the medians of all
slices, and how much the second costs more than the first. Give it priority on a machine that is
busy: `nice -n -10`.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench.__main__ import RESULTS, SLICE, WINDOW, measure_memory, sets
from bench.load import Phones
from bench.server import REPOSITORY, Served, cpu_seconds

_SETTERS = range(1_000_000, 1_000_000 + SLICE)


class _Side:
    """One of the versions."""

    def __init__(self, tree: Path, folder: Path, opened: ExitStack) -> None:
        self.served = opened.enter_context(Served(folder, tree=tree))
        self.phones = Phones(self.served.sip)
        self._refreshes = 1

    def cost(self, run: Callable[["_Side", int], int], turn: int) -> float:
        """CPU of each cycle of one slice, µs."""
        before = cpu_seconds(self.served.pid)
        done = run(self, turn)
        return (cpu_seconds(self.served.pid) - before) / done * 1e6

    def initial(self, turn: int) -> int:
        """New subscriptions to 1,000 presentities."""
        numbers = range(turn * SLICE, (turn + 1) * SLICE)
        return self.phones.run((self.phones.message(n, 1) for n in numbers), WINDOW)

    def prepare(self) -> None:
        """Subscriptions to presentities of their own, with one phone each."""
        fresh = (self.phones.message(number, 1, users=2_000_000) for number in _SETTERS)
        self.phones.run(fresh, WINDOW)

    def set(self, turn: int) -> int:
        """Sets in their dialogs, which change the state."""
        return self.phones.run(sets(self.phones, turn), WINDOW)

    def refresh(self, turn: int) -> int:
        """Refreshes in the same dialogs."""
        cseq = 100_000 + turn
        messages = (self.phones.message(n, cseq, users=2_000_000) for n in _SETTERS)
        return self.phones.run(messages, WINDOW)


def compare(trees: list[Path], slices: int) -> dict[str, object]:
    """What each figure costs in both."""
    figures: list[tuple[str, Callable[[_Side, int], int]]] = [
        ("initial", _Side.initial),
        ("set", _Side.set),
        ("refresh", _Side.refresh),
    ]
    with ExitStack() as opened:
        sides = [_Side(tree, folder, opened) for tree, folder in _folders(trees, opened)]
        result: dict[str, object] = {}
        for name, run in figures:
            if name == "set":
                for side in sides:
                    side.prepare()
            costs: list[list[float]] = [[], []]
            for turn in range(slices):
                # Who comes first changes, so that neither always finds the caches as it left them.
                for which in (0, 1) if turn % 2 == 0 else (1, 0):
                    costs[which].append(sides[which].cost(run, turn))
            result[name] = _row([median(costs[0]), median(costs[1])])
    return result


def _folders(trees: list[Path], opened: ExitStack) -> Iterator[tuple[Path, Path]]:
    for tree in trees:
        yield tree, Path(opened.enter_context(tempfile.TemporaryDirectory(dir=RESULTS)))


def _memory(trees: list[Path]) -> dict[str, object]:
    """Bytes for each subscription in both."""
    found = []
    for tree in trees:
        with (
            tempfile.TemporaryDirectory(dir=RESULTS) as folder,
            Served(Path(folder), tree=tree) as served,
        ):
            found.append(float(measure_memory(served)))
    return _row(found)


def _row(both: list[float]) -> dict[str, object]:
    before, now = both
    return {"before": round(before, 1), "now": round(now, 1), "more": f"{now / before - 1:+.1%}"}


def main() -> None:
    """Measure, and print JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("trees", type=Path, nargs="+", metavar="CHECKOUT")
    parser.add_argument("--slices", type=int, default=40)
    parser.add_argument("--memory", action="store_true", help="measure memory, too")
    given = parser.parse_args()
    trees = [tree.resolve() for tree in [*given.trees, REPOSITORY][:2]]
    RESULTS.mkdir(exist_ok=True)
    result = compare(trees, given.slices)
    if given.memory:
        result["bytes_per_subscription"] = _memory(trees)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
