"""C under the compiler's sanitizers, to be run by itself."""

import shutil
import subprocess
from pathlib import Path

import pytest

_SANITIZED = (
    "-g",
    "-O1",
    "-std=c11",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
)


def build(folder: Path, headers: Path, *sources: Path) -> Path:
    """A program; the test is skipped where it cannot be built.

    Args:
        folder: where to put it.
        headers: the folder of its headers.
        sources: its sources.
    """
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    program = folder / sources[0].stem
    command = [
        compiler,
        *_SANITIZED,
        "-I",
        str(headers),
        *map(str, sources),
        "-o",
        str(program),
    ]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if "-lasan" in built.stderr or "libclang_rt" in built.stderr:
        pytest.skip("needs the compiler's sanitizers")
    assert built.returncode == 0, built.stderr
    return program
