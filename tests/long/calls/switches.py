"""A switch that forwards calls by what the server knows, as its how-to has it."""

import grp
import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml

from dfks_rules.web.caller import Scope
from dfks_rules.web.tokens import Entry, hash_of, new_token, write_tokens
from tests.helpers.pages import WrittenFile, on_free_ports, steps
from tests.helpers.server import ROOT, Server, serve
from tests.long.phones.proxies import KAMAILIO, run_proxy

MS_PER_RING = 200
"""In place of the six seconds of the page, for which a test does not wait."""


class Site(NamedTuple):
    """A switch, the server that it asks, and where it sends calls."""

    folder: Path
    server: Server
    config: dict[str, object]
    """Its settings."""
    proxy: int
    """Where callers send to."""
    pbx: int

    def set(self, user: str, feature: str, status: int, **values: str) -> None:
        """Switch a feature, as an operator."""
        reply = self.server.mi(
            "dfks_set_feature",
            presentity=f"sip:{user}@example.com",
            feature=feature,
            status=status,
            values=[f"{name}/{value}" for name, value in values.items()],
        )
        assert reply["result"] == "OK", reply


@contextmanager
def kamailio(section: str, *, follow: bool = False) -> Iterator[Site]:
    """Run a server and Kamailio as a section of the page says, on free ports.

    Args:
        section: its heading.
        follow: whether Kamailio calls the target itself.
    """
    page = (ROOT / "docs/howto/forward-calls-with-kamailio.md").read_text("utf-8")
    text = on_free_ports(_section(page, section) + _section(page, "The routes"))
    files = {step.path: step.text for step in steps(text) if isinstance(step, WrittenFile)}
    written, routes = files["/etc/kamailio/kamailio.cfg"], files["/etc/kamailio/calls.cfg"]
    assert "MS_PER_RING 6000" in routes
    routes = routes.replace("MS_PER_RING 6000", f"MS_PER_RING {MS_PER_RING}")
    if follow:
        assert "##!define FOLLOW" in routes
        routes = routes.replace("##!define FOLLOW", "#!define FOLLOW")
    if missing := [name for name in _modules(written) if not _has(name)]:
        pytest.skip(f"needs the modules {', '.join(missing)} of Kamailio (see the page)")
    with ExitStack() as running:
        folder, user, group = running.enter_context(_shared_folder())
        config = yaml.safe_load(files["dfks.yaml"].replace("/var/lib/dfks", str(folder)))
        config["policies"] = [str(ROOT / one) for one in config["policies"]]
        if isinstance(config["store"], dict):
            assert config["store"]["group"] == "kamailio"
            config["store"]["group"] = group
        token = new_token(os.urandom(32))
        entry = Entry("kamailio", hash_of(token), (Scope.FEATURES_READ.value,))
        write_tokens(folder / "tokens.json", [entry])
        server = running.enter_context(serve(folder, config))
        written = written.replace("/var/lib/dfks", str(folder)).replace("dfks_…", token)
        written = written.replace("/etc/kamailio", str(folder))
        (folder / "kamailio.cfg").write_text(written)
        (folder / "calls.cfg").write_text(routes)
        command = [*KAMAILIO.command(folder), *(("-u", user, "-g", group) if user else ())]
        port = int(written.split("tcp:127.0.0.1:")[1][:5])
        running.enter_context(run_proxy(command, folder / "kamailio.log", port))
        pbx = int(written.split('PBX "sip:127.0.0.1:')[1][:5])
        yield Site(folder, server, config, port, pbx)


def _section(page: str, heading: str) -> str:
    return page.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def _modules(config: str) -> list[str]:
    return [line.split('"')[1] for line in config.splitlines() if line.startswith("loadmodule")]


def _has(module: str) -> bool:
    return any(Path("/usr").glob(f"lib*/**/kamailio/modules/{module}"))


@contextmanager
def _shared_folder() -> Iterator[tuple[Path, str, str]]:
    """A folder for the store, and who Kamailio is: a stranger who may read it, if we are root."""
    folder = Path(tempfile.mkdtemp(prefix="dfks-calls-"))  # strangers may not enter pytest's
    user, group = "", grp.getgrgid(os.getgid()).gr_name
    if os.getuid() == 0:
        user, number = "nobody", pwd.getpwnam("nobody").pw_gid
        group = grp.getgrgid(number).gr_name
        os.chown(folder, 0, number)
        folder.chmod(0o2750)
    try:
        yield folder, user, group
    finally:
        shutil.rmtree(folder)
