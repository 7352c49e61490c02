"""Play the history of one seed, or of several: `python -m tests.simulation SEED [COUNT]`."""

import sys
import time

from tests.simulation.scenario import Game


def main(seed: int, count: int) -> int:
    """Play histories, and say what was wrong with them."""
    began, bad, totals = time.monotonic(), 0, dict[str, int]()
    for one in range(seed, seed + count):
        game = Game(one)
        game.play()
        violations = game.violations()
        if violations:
            bad += 1
            print(f"seed {one}: {game.plan}")
            for violation in violations[:10]:
                print(f"  {violation}")
        for name, times in game.world.counts.items():
            totals[name] = totals.get(name, 0) + times
    took = time.monotonic() - began
    print(f"{count} histories in {took:.1f} s, {bad} with violations")
    for name in sorted(totals):
        print(f"  {name}: {totals[name]}")
    return bad


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1) > 0)
