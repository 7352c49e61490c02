"""A real server, asked by programs that know nothing but its OpenAPI document."""

import json
import subprocess
import sys
from pathlib import Path

from tests.helpers.server import Server
from tests.helpers.ua import Ua, dnd
from tests.helpers.web import ALL, api_url, token_file

BIN = Path(sys.executable).parent
_EXCLUDED = (
    # What they answer has no end.
    ("--exclude-operation-id", "streamEvents"),
    ("--exclude-operation-id", "traceUser"),
    # It takes files of policies, which a schema does not describe; they have tests of their own.
    ("--exclude-operation-id", "beginRollout"),
    # A schema cannot say all that makes an address, an ETag or a state of a feature valid.
    ("--exclude-checks", "positive_data_acceptance,ensure_resource_availability"),
)

SHARED = ("listNodes", "drainNode", "listRollouts", "rollBackRollout", "dropRollout")
"""Operations that only nodes have which share a store."""


def config(folder: Path) -> tuple[dict[str, object], str]:
    """Settings of a server with tokens and everything on, and a token for all of it."""
    token = token_file(folder, desk=(ALL, ()))["desk"]
    http = {"listen": "127.0.0.1:0", "tokens": str(folder / "tokens.json"), "per_token": "9999/s"}
    return {"store": f"sqlite:{folder / 'dfks.db'}", "http": http}, token


def alone() -> list[str]:
    """Leaves out what only nodes have that share a store."""
    return [word for name in SHARED for word in ("--exclude-operation-id", name)]


def explore(server: Server, token: str, folder: Path, seconds: int, *more: str) -> str:
    """Have schemathesis look for what is not documented; what it says, empty when it found nothing.

    There are phones, states and decisions, and it is told of them: else it got nowhere.
    """
    url = api_url(server)
    with Ua(server.ports["udp"], "sip:alice@example.com") as phone:
        phone.subscribe()
        phone.subscribe(dnd(True))
    aors = ["sip:alice@example.com", "bob@example.com", "sip:carol@acme.example"]
    names = {"path.aor": aors, "query.presentity": aors[:1]}
    lines = "".join(f"{json.dumps(name)} = {json.dumps(aor)}\n" for name, aor in names.items())
    (folder / "schemathesis.toml").write_text(f"[parameters]\n{lines}")
    command = [
        str(BIN / "schemathesis"),
        *("--config-file", str(folder / "schemathesis.toml")),
        *("run", f"{url}/openapi.json", "--header", f"Authorization: Bearer {token}"),
        # Slower than the server's share for HTTP: 429 teaches nobody anything.
        *("--seed", "1", "--max-time", f"{seconds}", "--rate-limit", "150/s", "--checks", "all"),
        *[word for pair in _EXCLUDED for word in pair],
        *more,
    ]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=4 * seconds + 60, check=False
    )
    return "" if done.returncode == 0 else done.stdout[-20_000:] + done.stderr[-2_000:]
