"""What browsers are given: small, typed, and as its packages make it."""

import gzip
import hashlib
import json
import shutil
import subprocess

import pytest

from tests.helpers.server import ROOT

STATIC = ROOT / "dfks_rules/console/static"
VENDOR = STATIC / "vendor"
MODULES = ROOT / "deploy/console/node_modules"
KB = 1024
needs_packages = pytest.mark.skipif(
    shutil.which("node") is None or not MODULES.is_dir(),
    reason="needs Node and `npm ci --prefix deploy/console`",
)
OWN = [
    path
    for path in sorted(STATIC.rglob("*"))
    if path.suffix in (".js", ".css", ".html", ".svg") and VENDOR not in path.parents
]


def test_the_editor_is_small() -> None:
    """Only the playground loads it."""
    assert len(gzip.compress((VENDOR / "editor.js").read_bytes(), 9)) <= 135 * KB


def test_no_file_is_over_200_lines() -> None:
    """What is longer does two things."""
    assert [path.name for path in OWN if len(path.read_text("utf-8").splitlines()) > 200] == []


def test_what_is_vendored_is_what_is_listed() -> None:
    """Each file with its hash, its packages, and their licences."""
    listed = json.loads((VENDOR / "vendor.json").read_text("utf-8"))
    licences = (VENDOR / "LICENSES.txt").read_text("utf-8")
    assert {one["file"] for one in listed} == {path.name for path in VENDOR.glob("*.js")}
    for one in listed:
        assert hashlib.sha256((VENDOR / one["file"]).read_bytes()).hexdigest() == one["sha256"]
        for package in one["packages"]:
            assert package["license"]
            assert f"{package['name']} {package['version']}" in licences


@needs_packages
@pytest.mark.parametrize(
    "command",
    [
        ("sh", "-c", f"node deploy/console/types.mjs && {MODULES}/.bin/tsc -p deploy/console"),
        (
            f"{MODULES}/.bin/eslint",
            "-c",
            "deploy/console/eslint.config.js",
            "dfks_rules/console/static",
        ),
        ("node", "deploy/console/build.mjs", "--check"),
    ],
    ids=["types", "lint", "vendored"],
)
def test_checks_of_scripts_pass(command: tuple[str, ...]) -> None:
    """A browser finds mistakes only where somebody clicks."""
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
