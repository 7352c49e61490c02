"""What packs sleeping subscriptions in C, alone and under sanitizers."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.helpers.published import ROOT
from tests.helpers.sanitized import build

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]

SECONDS = min(30, int(os.environ.get("DFKS_TEST_FUZZ_SECONDS", "25")))
_NATIVE = ROOT / "dfks_rules/presence/native"


def test_what_is_packed_is_unpacked_and_nothing_is_read_or_written_elsewhere(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """Also where what is unpacked was never packed."""
    program = build(tmp_path, _NATIVE, ROOT / "tests/fuzz/packing.c", _NATIVE / "packing.c")
    seed = str(pytestconfig.option.hypothesis_seed)
    command = [str(program), str(SECONDS), seed]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    packed, refused = (int(word) for word in done.stdout.split() if word.isdigit())
    assert 0 < refused < 4 * packed
