"""The container image, built without a registry: of a clean system, by buildah."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.server import START_WITHIN
from tests.long.delivery.conftest import needed, run

pytestmark = [pytest.mark.long, pytest.mark.e2e, pytest.mark.timeout(900)]


_OF_EVERYBODY = ("/proc", "/sys", "/dev", "/tmp", "/var/tmp", "/run/lock")  # noqa: S108
"""What everybody may write to in every system."""


class _Buildah:
    """buildah with a storage of its own, and no more isolation than works everywhere."""

    def __init__(self, folder: Path) -> None:
        self.options = [
            "buildah",
            "--root",
            str(folder / "store"),
            "--runroot",
            str(folder / "run"),
        ]
        self.options += ["--storage-driver", "vfs"]

    def __call__(self, *arguments: str | Path) -> str:
        return run(*self.options, *arguments)


@pytest.fixture
def buildah(tmp_path: Path) -> Iterator[_Buildah]:
    """buildah, whose storage is removed in the end."""
    if "DFKS_TEST_CONTAINER" not in os.environ:
        pytest.skip("builds an image for a minute; DFKS_TEST_CONTAINER=1 asks for it")
    needed("buildah")
    yield _Buildah(tmp_path)
    shutil.rmtree(tmp_path, ignore_errors=True)


def test_image_serves_without_root_and_writes_to_one_folder(
    buildah: _Buildah, sources: Path, wheels: Path, clean_system: Path, tmp_path: Path
) -> None:
    """What users build: only the base differs."""
    base = tmp_path / "base"
    base.mkdir()
    (base / "Containerfile").write_text("FROM scratch\nADD system.tar /\n")
    (base / "system.tar").hardlink_to(clean_system)
    build = ("build", "--isolation", "chroot", "--format", "docker")
    buildah(*build, "--tag", "base", base)
    context = tmp_path / "context"
    context.mkdir()
    shutil.copytree(sources / "deploy", context / "deploy")
    shutil.copy(sources / ".containerignore", context)
    shutil.copytree(wheels, context / "dist")
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    arguments = ("--build-arg", "BASE=localhost/base", "--build-arg", f"PYTHON=python{version}")
    buildah(*build, *arguments, "-f", context / "deploy/Containerfile", "--tag", "dfks", context)

    made = json.loads(buildah("inspect", "--type", "image", "dfks"))["Docker"]["config"]
    assert made["User"] == "65532:65532"
    assert list(made["Volumes"]) == ["/var/lib/dfks"]
    assert made["Healthcheck"]["Test"][:3] == ["CMD", "dfks", "health"]

    container = buildah("from", "dfks").strip()
    buildah("config", "--env", "DFKS_SIP__LISTEN=udp:127.0.0.1:0", container)
    buildah("config", "--env", "DFKS_HTTP__LISTEN=127.0.0.1:0", container)
    buildah("config", "--env", "DFKS_MI__HTTP__LISTEN=127.0.0.1:0", container)
    inside = ("run", "--isolation", "chroot", container, "--")
    assert buildah(*inside, "id", "-u").strip() == "65532"
    # What would be written to, were the image not read-only anyway.
    pruned = " -o ".join(f"-path {path}" for path in _OF_EVERYBODY)
    find = f"find / \\( {pruned} \\) -prune -o -writable ! -type l -print 2> /dev/null || true"
    assert buildah(*inside, "sh", "-c", find).split() == ["/var/lib/dfks"]
    config = ("--config", "/etc/dfks/dfks.yaml")
    with subprocess.Popen(
        [*buildah.options, *inside, "dfks", "serve", *config],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as server:
        try:
            banner = _banner(server)
            (api,) = re.findall(r"api (http://[^/\s]+)", banner)
            (port,) = re.findall(r"sip udp:127\.0\.0\.1:(\d+)", banner)
            ready = buildah(*inside, "dfks", "health", "--url", f"{api}/readyz")
            assert ready == "OK: the server is ready\n"
            press = ("dfks", "phone", f"sip:alice@127.0.0.1:{port}", "--set", "DoNotDisturb=on")
            assert buildah(*inside, *press).count("DoNotDisturb           on") == 2
        finally:
            server.terminate()
            try:
                server.wait(START_WITHIN)
            except subprocess.TimeoutExpired:
                server.kill()


def _banner(server: "subprocess.Popen[str]") -> str:
    """What it prints until it serves."""
    assert server.stdout is not None
    deadline, banner = time.monotonic() + START_WITHIN, ""
    for line in server.stdout:
        banner += line
        if "try it" in line:
            return banner
        assert time.monotonic() < deadline, banner
    raise AssertionError(banner)
