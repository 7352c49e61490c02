"""What is delivered, built once: wheels, and a clean system to install into."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.published import ROOT

BUILD_WITHIN = 600.0
"""Seconds to compile everything, however busy the machine."""
LACKS_ROOT = "needs root, to make a clean system"
_FAST_COMPILER = """#!/bin/sh
for one; do
  shift
  if [ "$one" = -O3 ]; then one=-O0; fi
  set -- "$@" "$one"
done
exec cc "$@"
"""
"""What is shown here does not depend on optimisation, which takes half of the time."""


def run(*command: str | Path, cwd: Path | None = None, **environment: str) -> str:
    """What a command prints; it has to succeed, and sees nothing of the checkout."""
    environ = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=BUILD_WITHIN,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def needed(*programs: str) -> None:
    """Skip the test where a program is missing."""
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"needs {program}")


@pytest.fixture(scope="session")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the project, and nothing that was built of them."""
    folder = tmp_path_factory.mktemp("sources")
    listed = run("git", "ls-files", "-co", "--exclude-standard", cwd=ROOT).splitlines()
    for name in listed:
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def wheels(sources: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wheels of the project, compiled, and of all that it needs.

    DFKS_TEST_WHEELS names a folder that has them already; to compile takes a minute and a half.
    """
    if given := os.environ.get("DFKS_TEST_WHEELS"):
        return Path(given).absolute()
    folder = tmp_path_factory.mktemp("wheels")
    compiler = tmp_path_factory.mktemp("compiler") / "cc"
    compiler.write_text(_FAST_COMPILER)
    compiler.chmod(0o755)
    build = sources / "deploy/wheels.sh"
    run(build, folder, cwd=sources, PYTHON=sys.executable, CC=str(compiler))
    return folder


@pytest.fixture(scope="session")
def clean_system(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tar file of Debian's smallest system, with Python and systemd.

    DFKS_TEST_SYSTEM names one that is there already.
    """
    if given := os.environ.get("DFKS_TEST_SYSTEM"):
        return Path(given).absolute()
    needed("mmdebstrap")
    if os.getuid() != 0:
        pytest.skip(LACKS_ROOT)
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    tar = tmp_path_factory.mktemp("system") / "system.tar"
    include = f"--include=python{version},python3,python3-venv,systemd,adduser"
    suite = _suite()
    if suite is None:
        pytest.skip("needs Debian, whose packages make the clean system")
    run("mmdebstrap", "--quiet", "--variant=minbase", include, suite, tar)
    return tar


def _suite() -> str | None:
    """The release of Debian that this machine has."""
    try:
        lines = Path("/etc/os-release").read_text("utf-8").splitlines()
    except OSError:
        return None
    told = dict(line.split("=", 1) for line in lines if "=" in line)
    return told.get("VERSION_CODENAME") if told.get("ID") == "debian" else None
