"""Play the history of one seed, or of several: `python -m tests.simulation SEED [COUNT | TEXT]`.

With a text: tell all that happened and has it in it, such as `sip:boss0@` or `c3-1`. With
`--nodes 3` before the seed: of so many nodes on one engine.
"""

import hashlib
import sys
import time

from tests.simulation.cluster import Cluster
from tests.simulation.scenario import Game

_ALWAYS = ("crash", "start", "stop", "end", "buried", "Quiet")


def play(seed: int, nodes: int = 0, *, notes: bool = False) -> Game | Cluster:
    """Play one history, and say what was wrong with it."""
    game = Cluster(seed, nodes=nodes) if nodes else Game(seed)
    if notes:
        game.world.notes = []
    game.play()
    violations = game.violations()
    if violations or notes:
        text = "\n".join(map(str, game.world.history))
        print(f"seed {seed}: {hashlib.sha256(text.encode()).hexdigest()[:16]} {game.plan}")
        for violation in violations[:10]:
            print(f"  {violation}")
    game.world.counts["violations"] = len(violations)
    return game


def tell(game: Game | Cluster, text: str) -> None:
    """What happened, in order, where it has the text in it; crashes and restarts always."""
    journal = game.database.journal if isinstance(game, Cluster) else game.disk.journal
    events = [*game.world.history, *journal]
    lines = [(getattr(event, "at", 0.0), str(event)) for event in events]
    for at, line in sorted(lines + (game.world.notes or []), key=lambda one: one[0]):
        if text in line or line.startswith(_ALWAYS):
            print(f"{at:.4f} {line}")


def main(arguments: list[str]) -> int:
    """How many histories have violations."""
    nodes = 0
    if arguments[0] == "--nodes":
        nodes, arguments = int(arguments[1]), arguments[2:]
    seed, rest = int(arguments[0]), arguments[1:]
    count = int(rest[0]) if rest and rest[0].isdigit() else 1
    began, bad, totals = time.monotonic(), 0, dict[str, int]()
    for one in range(seed, seed + count):
        game = play(one, nodes, notes=count == 1)
        bad += game.world.counts["violations"] > 0
        for name, times in game.world.counts.items():
            totals[name] = totals.get(name, 0) + times
        if rest and count == 1:
            tell(game, rest[0])
    took = time.monotonic() - began
    print(f"{count} histories in {took:.1f} s, {bad} with violations")
    for name in sorted(totals):
        print(f"  {name}: {totals[name]}")
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]) > 0)
