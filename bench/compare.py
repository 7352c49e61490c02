"""Two versions in turns: `python -m bench.compare OTHER [OTHER] [--only NAME...] [--slices N]`.

OTHER is a revision of git, which is checked out and set up in a temporary folder (minutes), or a
checkout with a `.venv` of its own; the second one is this one where it is not given. Both servers
run at the same time on one CPU and get slices of requests in turn, so that what else the machine
does affects both. Prints how much CPU the second costs, times the first: the median of all turns,
and between what half of the turns lie. A difference within that is none. Give it priority on a
machine that is busy: `nice -n -10`.
"""

import argparse
import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from bench.figures import FIGURES, Side
from bench.memory import measure_memory
from bench.server import REPOSITORY, RESULTS, Served

SLICES = 40
SHARE_AT_RATE = 4
"""A slice at a fixed rate takes longer, so that there are fewer: one for so many others."""
_MEMORY = "bytes_per_subscription"


def compare(trees: list[Path], names: list[str], slices: int) -> Iterator[tuple[str, Any]]:
    """What each figure costs in both: name → its row."""
    with ExitStack() as opened:
        sides = []
        for tree in trees:
            folder = Path(opened.enter_context(tempfile.TemporaryDirectory(dir=RESULTS)))
            sides.append(Side(opened.enter_context(Served(folder, tree=tree))))
            opened.callback(sides[-1].close)
        for name in names:
            figure = FIGURES[name]
            turns = slices if figure.pace.window else max(2, slices // SHARE_AT_RATE)
            costs: list[list[float]] = [[], []]
            for turn in range(turns):
                # Who comes first changes, so that neither always finds the caches as it left them.
                for which in (0, 1) if turn % 2 == 0 else (1, 0):
                    costs[which].append(figure.cost(sides[which]))
            yield name, _row(*costs)


def _row(before: list[float], now: list[float]) -> dict[str, object]:
    """The medians of both, and of their ratios in one turn."""
    ratios = [second / first for first, second in zip(before, now, strict=True)]
    low, middle, high = quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
    return {
        "before": round(median(before), 1),
        "now": round(median(now), 1),
        "ratio": round(middle, 3),
        "spread": [round(low, 3), round(high, 3)],
    }


def _memory(trees: list[Path]) -> dict[str, object]:
    """Bytes for each subscription in both, one after the other."""
    found = []
    for tree in trees:
        with (
            tempfile.TemporaryDirectory(dir=RESULTS) as folder,
            Served(Path(folder), tree=tree) as served,
        ):
            found.append([float(measure_memory(served))])
    return _row(*found)


def checkout(name: str, opened: ExitStack) -> Path:
    """The checkout of that name, or one of that revision, which is gone in the end.

    Raises:
        SystemExit: it cannot be checked out or set up.
    """
    if (Path(name) / ".venv").is_dir():
        return Path(name).resolve()
    folder = opened.enter_context(tempfile.TemporaryDirectory()) + "/tree"
    git = ["git", "-C", str(REPOSITORY), "worktree"]
    opened.callback(_run, [*git, "remove", "--force", folder])
    if not _run([*git, "add", "--detach", folder, name]) or not _run(
        ["make", "-C", folder, "setup"]
    ):
        raise SystemExit(f"{name}: neither a checkout with a .venv nor a revision to set up")
    return Path(folder)


def _run(command: list[str]) -> bool:
    """Whether it succeeds."""
    return subprocess.run(command, check=False).returncode == 0


def main() -> None:
    """Measure; print a line for each figure as it is known, keep JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    every = [*FIGURES, _MEMORY]
    parser.add_argument("others", nargs="+", metavar="REVISION or CHECKOUT")
    parser.add_argument("--only", nargs="+", choices=every, metavar="NAME", default=list(FIGURES))
    parser.add_argument("--slices", type=int, default=SLICES)
    parser.add_argument("--memory", action="store_true", help="measure memory, too (minutes)")
    given = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    result: dict[str, Any] = {}
    with ExitStack() as opened:
        trees = [checkout(name, opened) for name in given.others[:2]]
        trees = [*trees, REPOSITORY][:2]
        names = [name for name in given.only if name != _MEMORY]
        print(f"{'':24}{'before':>10}{'now':>10}{'ratio':>8}   half of the turns")
        for name, row in compare(trees, names, given.slices):
            result[name] = _shown(name, row)
        if given.memory or _MEMORY in given.only:
            result[_MEMORY] = _shown(_MEMORY, _memory(trees))
    (RESULTS / "compare.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def _shown(name: str, row: dict[str, Any]) -> dict[str, Any]:
    low, high = row["spread"]
    numbers = f"{row['before']:10.1f}{row['now']:10.1f}{row['ratio']:8.3f}"
    print(f"{name:24}{numbers}   {low:.3f} to {high:.3f}", flush=True)
    return row


if __name__ == "__main__":
    main()
