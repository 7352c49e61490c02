"""The script for FreeSWITCH decides as its page says, on the view of a real server."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.pages import WrittenFile, steps
from tests.helpers.server import ROOT, serve
from tests.long.calls.switches import Site

pytestmark = [pytest.mark.e2e, pytest.mark.long]

_LUA = next(filter(None, map(shutil.which, ("lua5.2", "lua5.3", "lua5.4"))), None)
_CONNECTS = "require('luasql.sqlite3')"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server, and the script beside it."""
    if _LUA is None or subprocess.run([_LUA, "-e", _CONNECTS], check=False).returncode:
        pytest.skip("needs Lua with SQLite (Debian packages lua5.3 and lua-sql-sqlite3)")
    folder = tmp_path_factory.mktemp("freeswitch")
    page = (ROOT / "docs/howto/forward-calls-with-freeswitch.md").read_text("utf-8")
    files = {step.path: step.text for step in steps(page) if isinstance(step, WrittenFile)}
    script = files["/etc/freeswitch/scripts/call.lua"]
    (folder / "call.lua").write_text(script.replace("/var/lib/dfks", str(folder)))
    with serve(folder, {"store": f"sqlite:{folder}/dfks.db"}) as server:
        yield Site(folder, server, {}, 0, 0)


def _does(site: Site, user: str, cause: str = "SUCCESS") -> list[str]:
    """What the script has FreeSWITCH do, if the call to the phone ends so."""
    stand_ins = Path(__file__).with_name("freeswitch.lua")
    script = site.folder / "call.lua"
    done = subprocess.run(
        [str(_LUA), str(stand_ins), str(script), user, "example.com", cause],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def _bridged(user: str, timeout: str = "nil") -> list[str]:
    return [f"bridge user/{user}@example.com", f"call_timeout {timeout}"]


def test_a_user_without_features_is_called(site: Site) -> None:
    """Also one whose name might be taken for SQL."""
    assert _does(site, "nobody") == _bridged("nobody")
    site.set("s1", "DoNotDisturb", 1)
    assert _does(site, "x' OR '1'='1") == _bridged("x' OR '1'='1")


def test_all_calls_are_redirected_to_the_target(site: Site) -> None:
    """Only while it is on, and before do not disturb."""
    site.set("o'brien", "CallForwardingAlways", 1, forwardTo="0 30/12")
    site.set("o'brien", "DoNotDisturb", 1)
    assert _does(site, "o'brien") == ["redirect sip:03012@example.com"]
    site.set("o'brien", "CallForwardingAlways", 0)
    assert _does(site, "o'brien") == ["respond 480 Do Not Disturb"]


def test_busy_and_no_answer_are_redirected_after_the_call(site: Site) -> None:
    """Each to its own target."""
    site.set("bob", "CallForwardingBusy", 1, forwardTo="202")
    site.set("bob", "CallForwardingNoAnswer", 1, forwardTo="203", ringCount="3")
    for cause, target in (
        ("USER_BUSY", "202"),
        ("NO_ANSWER", "203"),
        ("USER_NOT_REGISTERED", "203"),
    ):
        assert _does(site, "bob", cause) == [
            *_bridged("bob", "18"),
            f"redirect sip:{target}@example.com",
        ]
    for cause in ("SUCCESS", "ORIGINATOR_CANCEL"):
        assert _does(site, "bob", cause) == _bridged("bob", "18")


def test_a_target_that_cannot_be_called_redirects_nothing(site: Site) -> None:
    """The phone rings."""
    site.set("carol", "CallForwardingAlways", 1, forwardTo="http://x.example")
    assert _does(site, "carol", "NO_ANSWER") == _bridged("carol")
