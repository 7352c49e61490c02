"""Coverage-guided fuzzing of whatever strangers can send; the targets are in tests/fuzz."""

import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.fuzz.seeds import CORPORA
from tests.fuzz.targets import TARGETS
from tests.helpers.server import ROOT

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        find_spec("atheris") is None, reason="atheris has no wheel for this machine"
    ),
]

SECONDS = int(os.environ.get("DFKS_TEST_FUZZ_SECONDS", "25"))
"""For each target; there are more than a dozen."""
LONGEST = 4096
"""Longest input, bytes: quadratic cost is looked for by bench/parsers.py, with longer ones."""


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_no_input_does_harm(name: str, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """An input that does is kept in tests/fuzz/corpora once it is mended; here is its text."""
    found, grown = tmp_path / "found", tmp_path / "grown"
    found.mkdir()
    grown.mkdir()
    command = [
        sys.executable, "-m", "tests.fuzz.run", name, f"-max_total_time={SECONDS}",
        f"-max_len={LONGEST}", f"-seed={pytestconfig.option.hypothesis_seed}", "-timeout=30",
        f"-artifact_prefix={found}/", str(grown), str(CORPORA / name),
    ]  # fmt: skip
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False
    )
    inputs = [path.read_bytes() for path in found.iterdir()]
    shutil.rmtree(grown)
    assert (done.returncode, inputs) == (0, []), done.stderr[-4000:]
