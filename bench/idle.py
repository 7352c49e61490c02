"""What a server costs that nobody talks to: `python -m bench.idle [SECONDS]`.

CPU of all its threads for so long (60), and how often one of them was woken; bar: 0.05 % of a core.
"""

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from bench.server import REPOSITORY, RESULTS, Served, cpu_seconds

SECONDS = 60
BAR = 0.05
"""Percent of a core."""
SETTLED_AFTER = 10.0
"""Seconds after which nothing of the start goes on."""
HTTP = 'http: {listen: "127.0.0.1:0"}\n'
TENANTS = 20
_RULE = """\
apiVersion: dfks/v1
kind: Policy
metadata: {name: t%d}
rules:
  - id: no-dnd
    when: {op: set, feature: DoNotDisturb, request.status: 1}
    then: {deny: not-here}
"""


def wakes(pid: int) -> int:
    """How often threads of a process went to sleep so far."""
    found = 0
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for line in (thread / "status").read_text(encoding="utf-8").splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                found += int(line.split()[1])
    return found


def measure(served: Served, seconds: float) -> dict[str, float]:
    """Wait, and see what it costs."""
    time.sleep(SETTLED_AFTER)
    cpu, woken = cpu_seconds(served.pid), wakes(served.pid)
    time.sleep(seconds)
    return {
        "percent_of_a_core": round((cpu_seconds(served.pid) - cpu) / seconds * 100, 4),
        "wakes_per_second": round((wakes(served.pid) - woken) / seconds, 1),
    }


def write_tenants(policies: Path) -> None:
    """The default policies, and those of twenty tenants: a folder to watch for each."""
    policies.mkdir()
    shutil.copy(REPOSITORY / "policies/default/policy.yaml", policies)
    for number in range(TENANTS):
        tenant = policies / f"tenants/t{number}.example"
        tenant.mkdir(parents=True)
        (tenant / "policy.yaml").write_text(_RULE % number, encoding="utf-8")


def main() -> None:
    """Measure servers with several settings, one after the other; print JSON."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    RESULTS.mkdir(exist_ok=True)
    missed = []
    for name, more in {"default": "", "http": HTTP, "tenants": HTTP}.items():
        with tempfile.TemporaryDirectory(dir=RESULTS) as folder:
            policies = None
            if name == "tenants":
                policies = Path(folder) / "policies"
                write_tenants(policies)
            with Served(Path(folder), policies, more) as served:
                found = measure(served, seconds)
        print(json.dumps({"settings": name, **found}), flush=True)
        if found["percent_of_a_core"] > BAR:
            missed.append(name)
    if missed:
        sys.exit(f"over {BAR} % of a core: {', '.join(missed)}")


if __name__ == "__main__":
    main()
