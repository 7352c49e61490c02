"""The parts of a server, wired as `app.server` wires them, in the test's own process."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from dfks_rules.app.files import Files, files_of
from dfks_rules.app.metrics import Metrics
from dfks_rules.app.operators import Operators
from dfks_rules.app.phones import Phones, transports_of
from dfks_rules.app.storage import Storage
from dfks_rules.config.load import load_config
from dfks_rules.config.settings import Config


def config_of(folder: Path, **settings: object) -> Config:
    """Settings other than these: no policies, states in memory, a free port for UDP."""
    defaults = {"sip": {"listen": ["udp:127.0.0.1:0"]}, "policies": [], "store": "memory:"}
    file = folder / "dfks.yaml"
    file.write_text(json.dumps(defaults | settings))
    return load_config(file, {})


class Parts(NamedTuple):
    """Those of one server."""

    files: Files
    storage: Storage
    phones: Phones
    operators: Operators
    metrics: Metrics


@asynccontextmanager
async def parts_of(config: Config) -> AsyncIterator[Parts]:
    """The parts; nothing is served yet, and everything is closed after the block."""
    files = files_of(config)
    await files.policies.start()
    transports, metrics = transports_of(config, files), Metrics()
    storage = Storage(config, "test")
    phones = Phones(config, files, transports, storage, "test")
    phones.count_in(metrics)
    operators = Operators(config, files.policies, storage, phones, metrics, "test")
    try:
        yield Parts(files, storage, phones, operators, metrics)
    finally:
        await operators.shut(leaves=False)
        await operators.end()
        await storage.close()
        await transports.close()
        await operators.close()
        phones.recording.close()
        await files.policies.close()
        await files.certificates.close()
