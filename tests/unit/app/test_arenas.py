"""Python's small objects in pages of 2 MiB."""

import subprocess
import sys

import pytest

from dfks_rules.app import arenas

_PROGRAM = """
from dfks_rules.app.arenas import use_large_pages

def smaps(start):
    with open("/proc/self/smaps") as file:
        return [line.split()[1:] for line in file if line.startswith(start)]

def mapped():
    return sum(int(kilobytes) for kilobytes, _ in smaps("Rss:"))

early = [[i] for i in range(100_000)]
use_large_pages()
use_large_pages()
before = mapped()
for _ in range(3):
    kept = [(i, str(i)) for i in range(300_000)]
    assert kept[-1] == (299_999, "299999")
    print(any("hg" in flags for flags in smaps("VmFlags:")))
    del kept, early
    early = []
print(mapped() - before < 12_000)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.skipif(not arenas.IS_COMPILED, reason="C was not compiled")
def test_pages_are_asked_for_and_what_is_free_is_given_back() -> None:
    """Also what was there before; asking twice is asking once."""
    run = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True)
    assert run.stdout.split() == ["True"] * 4, run.stderr


def test_nothing_happens_where_it_was_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is memory as before."""
    monkeypatch.setattr(arenas, "IS_COMPILED", False)
    arenas.use_large_pages()
