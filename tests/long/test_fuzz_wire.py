"""The splitter in C, alone and under sanitizers: nothing is read or written elsewhere."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.helpers.published import ROOT
from tests.helpers.sanitized import build
from tests.helpers.usual_phones import USUAL, answer
from tests.helpers.wire import torture

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

SECONDS = min(120, 5 * int(os.environ.get("DFKS_TEST_FUZZ_SECONDS", "25")))
_NATIVE = ROOT / "dfks_rules/sip/native"


def test_no_message_makes_c_read_or_write_elsewhere(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """What it gives lies within the message, too; the harness checks all offsets."""
    sources = ROOT / "tests/fuzz/wire.c", _NATIVE / "wire.c", _NATIVE / "wire_values.c"
    program = build(tmp_path, _NATIVE, *sources)
    seeds = []
    for number, message in enumerate([*USUAL.values(), answer(b"z9hG4bKabc"), *torture()]):
        seeds.append(tmp_path / f"{number:04}")
        seeds[-1].write_bytes(message)
    seed = str(pytestconfig.option.hypothesis_seed)
    command = [str(program), str(SECONDS), seed, *map(str, seeds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    tried, taken = (int(word) for word in done.stdout.split() if word.isdigit())
    assert 0 < taken < tried
