"""The file of settings of a bridge."""

from pathlib import Path
from typing import Any, NamedTuple

from dfks_rules.bridges.asterisk.switch import AsteriskSettings
from dfks_rules.bridges.fusionpbx.esl import EslSettings
from dfks_rules.bridges.fusionpbx.switch import Cache, FusionSettings
from dfks_rules.bridges.numbering import Numbering, numbering_of
from dfks_rules.config.files import read_text
from dfks_rules.config.schema import bridge_schema, fill_defaults, find_mistakes
from dfks_rules.errors import ConfigError, Finding
from dfks_rules.yaml.tree import read_tree


class BridgeSettings(NamedTuple):
    """What an operator has written."""

    url: str
    """Of the server's API."""
    token: str | None
    memory: Path
    """The file in which the bridge remembers."""
    numbering: Numbering
    every: float
    """Seconds between two sweeps."""
    log_level: str
    asterisk: AsteriskSettings | None
    fusionpbx: FusionSettings | None


def load_bridge(path: Path) -> BridgeSettings:
    """The settings in a file; relative paths start at its folder.

    Raises:
        ConfigError: it or a file that it names cannot be read, or settings are wrong.
    """
    tree, findings = read_tree(str(path), read_text(path, "settings"), "config")
    if tree is None:
        raise ConfigError(findings)
    mistakes = list(find_mistakes(tree.value, bridge_schema()))
    if mistakes:
        raise ConfigError(
            [tree.finding(one.way, one.code, one.message, at_key=one.at_key) for one in mistakes]
        )
    values = fill_defaults(tree.value, bridge_schema())
    try:
        numbering = numbering_of(values["presentity"], values["domain"])
    except ConfigError as error:
        message = error.findings[0].message
        raise ConfigError([tree.finding(("presentity",), "config_bad_value", message)]) from error
    folder = path.parent
    token = values.get("token_file")
    return BridgeSettings(
        values["url"],
        None if token is None else _secret(folder / token, "token"),
        folder / values["memory"],
        numbering,
        float(values["sweep"]),
        values["log_level"],
        _asterisk(values.get("asterisk"), folder),
        _fusionpbx(values.get("fusionpbx"), folder),
    )


def _asterisk(values: dict[str, Any] | None, folder: Path) -> AsteriskSettings | None:
    if values is None:
        return None
    secret = _secret(folder / values["secret_file"], "secret")
    return AsteriskSettings(values["host"], values["port"], values["user"], secret)


def _fusionpbx(values: dict[str, Any] | None, folder: Path) -> FusionSettings | None:
    if values is None:
        return None
    cache, password = Cache(values["cache"]), values.get("password_file")
    if cache is not Cache.NONE and password is None:
        message = "is needed unless `fusionpbx.cache` is `none`"
        raise ConfigError([Finding("fusionpbx.password_file", 0, 0, "config_missing", message)])
    secret = "" if password is None else _secret(folder / password, "password")
    return FusionSettings(
        _secret(folder / values["database_file"], "connection to PostgreSQL"),
        EslSettings(values["host"], values["port"], secret),
        cache,
        folder / values["cache_folder"],
        values["seconds_per_ring"],
    )


def _secret(path: Path, what: str) -> str:
    """The only line of a file."""
    text = read_text(path, what).strip()
    if not text or not text.isprintable():
        message = f"must hold the {what}, in one line"
        raise ConfigError([Finding(str(path), 0, 0, "config_bad_value", message)])
    return text
