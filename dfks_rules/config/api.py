"""The settings of the HTTP API: `http`."""

from pathlib import Path
from typing import Any

from dfks_rules.config.settings import ApiSettings, ListenAddress


def build_api(http: dict[str, Any], listen: ListenAddress, base: Path) -> ApiSettings:
    """The settings as rooms take them.

    Args:
        http: without mistakes.
        listen: its address.
        base: where relative paths start.
    """
    return ApiSettings(
        listen,
        base / http["tokens"] if "tokens" in http else None,
        frozenset(http["names"]),
        int(http["per_token"].removesuffix("/s")),
        int(http["import_rate"].removesuffix("/s")),
        (base / tls["certificate"], base / tls["key"]) if (tls := http.get("tls")) else None,
        http["console"],
        http["streams_per_token"],
    )
