"""Programs that know nothing of the HTTP API but its OpenAPI document."""

import json
import os
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.helpers.described import BIN, alone, config, explore
from tests.helpers.reference import DOCUMENT
from tests.helpers.server import serve
from tests.helpers.web import api_url

pytestmark = pytest.mark.e2e

_PROGRAM = """
    import sys
    from dfks_api import AuthenticatedClient
    from dfks_api.api.presentities import set_feature, show_presentity
    from dfks_api.models import Problem, SetFeatureFeature, State, StateStatus

    url, token = sys.argv[1:]
    alice, forward = "sip:alice@example.com", SetFeatureFeature.CALLFORWARDINGALWAYS
    with AuthenticatedClient(base_url=url, token=token) as client:
        state = State(status=StateStatus.ON, forward_to="201")
        told = set_feature.sync(alice, forward, client=client, body=state, if_match='"0"')
        assert told.result.stored == state, told
        shown = show_presentity.sync(alice, client=client)
        assert shown.revision == told.revision == 1
        assert shown.features.call_forwarding_always.forward_to == "201"
        stale = set_feature.sync_detailed(alice, forward, client=client, body=state, if_match='"0"')
        assert stale.status_code == 412
        assert isinstance(stale.parsed, Problem)
        assert stale.parsed.type_.value == "urn:dfks:problem:changed-meanwhile"
"""


def test_a_generated_client_sets_a_feature(tmp_path: Path) -> None:
    """The document is known to be usable."""
    settings, token = config(tmp_path)
    made = tmp_path / "made" / "dfks_api"
    made.parent.mkdir()
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [str(BIN / "openapi-python-client"), "generate", "--path", str(DOCUMENT)]
    # What it does not know, it has to be told to send as it is.
    streamed = ("application/x-ndjson", "text/csv")
    told = {"content_type_overrides": dict.fromkeys(streamed, "application/octet-stream")}
    (tmp_path / "generator.json").write_text(json.dumps(told))
    command += ["--config", str(tmp_path / "generator.json")]
    command += ["--meta", "none", "--output-path", str(made), "--fail-on-warning"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "PATH": path}
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (made.parent / "program.py").write_text(dedent(_PROGRAM))
    with serve(tmp_path, settings) as server:
        command = [sys.executable, "program.py", api_url(server), token]
        done = subprocess.run(command, cwd=made.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.long
def test_what_is_asked_at_the_edges_is_answered_as_documented(tmp_path: Path) -> None:
    """A few seconds of what `make test-long` does for a minute."""
    settings, token = config(tmp_path)
    with serve(tmp_path, settings) as server:
        phases = ("--phases", "examples,coverage")
        assert explore(server, token, tmp_path, 10, *phases, *alone()) == ""
