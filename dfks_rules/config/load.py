"""dfks.yaml and the environment → `Config`.

Order: defaults < file < environment. A setting `mi.http.listen` is `DFKS_MI__HTTP__LISTEN` in the
environment, where the entries of a list stand between commas. Other variables are not looked at:
Kubernetes sets `DFKS_PORT` and the like of its own accord.
"""

import ipaddress
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from dfks_rules.config.api import build_api
from dfks_rules.config.auth import build_auth, find_auth_mistakes
from dfks_rules.config.cluster import build_cluster, find_cluster_mistakes
from dfks_rules.config.files import is_blank
from dfks_rules.config.limits import build_subscription_limits, fill_limits, rate_of, seconds_of
from dfks_rules.config.next_hop import (
    build_outbound_proxy,
    build_resolver,
    find_next_hop_mistakes,
)
from dfks_rules.config.schema import (
    KeyPath,
    Leaf,
    Mistake,
    dotted,
    fill_defaults,
    find_mistakes,
    leaves,
)
from dfks_rules.config.settings import (
    ApiSettings,
    Config,
    DecisionSettings,
    FifoSettings,
    HttpSettings,
    JournalSettings,
    LimitSettings,
    ListenAddress,
    LogSettings,
    MiSettings,
    OnStop,
    ReloadSettings,
    Setting,
    SipSettings,
)
from dfks_rules.config.store import build_store, lengthen
from dfks_rules.config.trace import build_trace, find_trace_mistakes
from dfks_rules.config.webhooks import build_webhooks, find_webhook_mistakes
from dfks_rules.errors import ConfigError, Finding
from dfks_rules.presence.package import Limits, OnNotifyTimeout
from dfks_rules.transport.certificates import CertificateFiles
from dfks_rules.transport.limits import ConnectionLimits
from dfks_rules.yaml.tree import MAX_BYTES, Tree, read_tree


def load_config(path: Path | None, environ: Mapping[str, str] | None = None) -> Config:
    """The settings that hold.

    Args:
        path: dfks.yaml; None for defaults and environment only. Relative paths in the settings
            start at its folder, or at the current directory when there is no file.
        environ: environment variables; those of the process when None.

    Raises:
        ConfigError: the file cannot be read, or settings are wrong; all findings at once.
    """
    draft = _Draft(_read(path) if path else None, os.environ if environ is None else environ)
    mistakes = list(find_mistakes(draft.values))
    values = fill_defaults(draft.values) if not mistakes else {}
    if values:
        fill_limits(values["limits"], is_exposed=bool(_exposed(values)))
    mistakes = mistakes or [*_find_contradictions(values), *_find_auth_mistakes(values)]
    if mistakes:
        raise ConfigError([draft.finding(mistake) for mistake in mistakes])
    settings = tuple(
        Setting(leaf.key, value, draft.origin(leaf.way))
        for leaf in leaves()
        if (value := _value_at(values, leaf.way)) is not None and not isinstance(value, dict)
    )
    return _build(values, path.parent if path else Path(), settings)


def _read(path: Path) -> Tree:
    try:
        with path.open("rb") as file:
            text = file.read(MAX_BYTES + 1).decode()
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise ConfigError([Finding(str(path), 0, 0, "config_unreadable", message)]) from error
    except UnicodeDecodeError as error:
        message = "is not UTF-8 text"
        raise ConfigError([Finding(str(path), 0, 0, "config_unreadable", message)]) from error
    if is_blank(text):
        return Tree(str(path), {}, {}, {})
    tree, findings = read_tree(str(path), text, "config")
    if tree is None:
        raise ConfigError(findings)
    return tree


class _Draft:
    """What was written, and where each part of it came from."""

    def __init__(self, tree: Tree | None, environ: Mapping[str, str]) -> None:
        self._tree = tree
        self._variables: dict[KeyPath, str] = {}
        self.values: Any = tree.value if tree else {}
        for leaf in leaves():
            name = variable_of(leaf)
            if name in environ:
                self._variables[leaf.way] = name
                if leaf.way[0] == "store":
                    lengthen(self.values, leaf.way)
                _put(self.values, leaf.way, _value_of(environ[name], leaf))

    def origin(self, way: KeyPath) -> str:
        """Where the value at `way` came from."""
        if way in self._variables:
            return self._variables[way]
        if self._tree and way in self._tree.places:
            place = self._tree.places[way]
            return f"{self._tree.file}:{place.line}:{place.column}"
        return "default"

    def finding(self, mistake: Mistake) -> Finding:
        """The mistake with its place: the variable or the line that holds it."""
        way, code, message, at_key = mistake
        for end in range(len(way), 0, -1):
            if way[:end] in self._variables:
                return Finding(self._variables[way[:end]], 0, 0, code, message)
        if self._tree and way in self._tree.places:
            return self._tree.finding(way, code, message, at_key=at_key)
        # A part that only the environment speaks of, e.g. half of mi.fifo.
        return Finding("environment", 0, 0, code, message)


def variable_of(leaf: Leaf) -> str:
    """The environment variable of a setting, e.g. `DFKS_SIP__LISTEN`."""
    return "DFKS_" + leaf.key.upper().replace(".", "__")


def _value_of(text: str, leaf: Leaf) -> object:
    if leaf.kind == "array":
        return [entry.strip() for entry in text.split(",")]
    if leaf.kind == "boolean" and text in ("true", "false"):
        return text == "true"
    return int(text) if leaf.kind == "integer" and text.isdecimal() and len(text) < 20 else text


def _put(values: Any, way: KeyPath, value: object) -> None:
    """Set a value; where the file holds no mapping on the way, its mistake is found later."""
    *parts, last = way
    for part in parts:
        if not isinstance(values, dict):
            return
        values = values.setdefault(part, {})
    if isinstance(values, dict):
        values[last] = value


def _value_at(values: Any, way: KeyPath) -> object:
    for part in way:
        values = values.get(part, {}) if isinstance(values, dict) else {}
    return values if values != {} else None


def _find_contradictions(values: dict[str, Any]) -> list[Mistake]:
    """Contradictions in settings that obey the schema."""
    found = []

    def report(way: KeyPath, message: str) -> None:
        text = f"`{dotted(way)}` {message}"
        found.append(Mistake(way, "config_bad_value", text, at_key=False))

    addresses: list[tuple[KeyPath, str]] = [
        (("sip", "listen", position), text) for position, text in enumerate(values["sip"]["listen"])
    ]
    for way, text in _doors(values):
        addresses.append((way, text))
        if not _is_loopback(_address(text)):
            for message in _find_exposed(way, values):
                report(way, message)
    for way, text in addresses:
        if _address(text).port > 65535:
            report(way, "has a port above 65535")
    sip = values["sip"]
    for way, message in (
        *_find_sip_contradictions(sip),
        *find_next_hop_mistakes(sip),
        *find_trace_mistakes(values["trace"]),
        *find_webhook_mistakes(values["webhooks"]),
        *find_cluster_mistakes(values),
    ):
        report(way, message)
    presence = values["presence"]
    if not presence["min_expires"] <= presence["default_expires"] <= presence["max_expires"]:
        way = ("presence", "default_expires")
        message = "must not be below `presence.min_expires` or above `presence.max_expires`"
        report(way, f"is `{presence['default_expires']}`; it {message}")
    return found


def _doors(values: dict[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """Addresses on which operators are served, as `udp:HOST:PORT` or `tcp:HOST:PORT`."""
    mi = values["mi"]
    if mi.get("datagram", "").startswith("udp:"):
        yield ("mi", "datagram"), mi["datagram"]
    if "http" in mi:
        yield ("mi", "http", "listen"), "tcp:" + mi["http"]["listen"]
    if "http" in values:
        yield ("http", "listen"), "tcp:" + values["http"]["listen"]


def _find_exposed(way: KeyPath, values: dict[str, Any]) -> Iterator[str]:
    """What a door lacks that is open to others than this machine."""
    if way == ("mi", "datagram"):
        yield "is not a loopback address; datagrams carry no secret"
    elif way == ("mi", "http", "listen") and "secret" not in values["mi"]["http"]:
        yield "is not a loopback address; that needs a `secret`"
    elif way == ("http", "listen") and "tokens" not in values["http"]:
        yield "is not a loopback address; that needs `http.tokens`"


def _find_auth_mistakes(values: dict[str, Any]) -> Iterator[Mistake]:
    """The same of `auth`."""
    for way, message in find_auth_mistakes(values["auth"], _exposed(values)):
        yield Mistake(way, "config_bad_value", f"`{dotted(way)}` {message}", at_key=False)


def _exposed(values: dict[str, Any]) -> dict[KeyPath, str]:
    """Entries of `sip.listen` that are not on loopback."""
    return {
        ("sip", "listen", position): text
        for position, text in enumerate(values["sip"]["listen"])
        if not _is_loopback(_address(text))
    }


def _find_sip_contradictions(sip: dict[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    port = sip.get("advertise", "").rpartition("]")[2].partition(":")[2]
    if port and not 0 < int(port) <= 65535:
        yield ("sip", "advertise"), "has a port outside 1 to 65535"
    tls = sip.get("tls")
    if tls is None:
        for position, text in enumerate(sip["listen"]):
            if text.startswith("tls:"):
                yield ("sip", "listen", position), "needs `sip.tls` with a certificate and a key"
        return
    keys, certificates = len(_texts(tls["key"])), len(_texts(tls["certificate"]))
    if keys != certificates:
        message = f"lists {keys} files, but `sip.tls.certificate` lists {certificates}"
        yield ("sip", "tls", "key"), message


def _texts(value: str | list[str]) -> list[str]:
    """One text, or a list of them, as a list."""
    return [value] if isinstance(value, str) else value


def _is_loopback(address: ListenAddress) -> bool:
    if address.host == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.host).is_loopback
    except ValueError:
        return False


def _address(text: str) -> ListenAddress:
    """`udp:[::1]:5060`, already checked by the schema."""
    transport, rest = text.split(":", 1)
    host, port = rest.rsplit(":", 1)
    return ListenAddress(transport, host.strip("[]"), int(port))


def _build(values: dict[str, Any], base: Path, settings: tuple[Setting, ...]) -> Config:
    """The settings as rooms take them.

    Args:
        values: complete, and found without mistakes.
        base: where relative paths start.
        settings: for `Config.settings`.
    """
    store, group = build_store(values["store"], base)
    presence, decisions = dict(values["presence"]), values["decisions"]
    auth = build_auth(values["auth"], base)
    on_stop, stop_within = OnStop(presence.pop("on_stop")), presence.pop("stop_within")
    return Config(
        sip=_build_sip(values["sip"], values["cluster"].get("contact"), base),
        auth=auth,
        policies=tuple(base / text for text in values["policies"]),
        reload=ReloadSettings(
            **values["reload"] | {"last_good": base / values["reload"]["last_good"]}
        ),
        store=store,
        store_group=group,
        cluster=build_cluster(values),
        journal=JournalSettings(seconds_of(values["journal"]["keep"])),
        mi=_build_mi(values["mi"], base),
        http=_build_api(values.get("http"), base),
        webhooks=build_webhooks(values["webhooks"]),
        presence=Limits(
            **presence
            | {
                "on_notify_timeout": OnNotifyTimeout(presence["on_notify_timeout"]),
                "subscriptions": build_subscription_limits(values["limits"], auth),
                "per_user": rate_of(values["limits"]["per_user"]),
            }
        ),
        profiles=base / values["profiles"] if "profiles" in values else None,
        on_stop=on_stop,
        stop_within=stop_within,
        limits=LimitSettings(
            rate_of(values["limits"]["per_source"]), values["limits"]["followed_sets"]
        ),
        log=LogSettings(values["log"]["level"]),
        decisions=DecisionSettings(
            decisions["keep"],
            base / decisions["file"] if "file" in decisions else None,
            decisions["mask"],
        ),
        trace=build_trace(values["trace"]),
        settings=settings,
    )


def _build_sip(sip: dict[str, Any], contact: str | None, base: Path) -> SipSettings:
    limits = ConnectionLimits(
        idle=sip["idle_timeout"],
        in_all=sip["max_connections"],
        per_source=sip["max_connections_per_source"],
    )
    listen = tuple(_address(text) for text in sip["listen"])
    return SipSettings(
        listen,
        contact or sip.get("advertise"),
        _build_tls(sip.get("tls"), base),
        limits,
        build_outbound_proxy(sip.get("outbound_proxy")),
        build_resolver(sip["resolver"]),
        base / sip["credentials"] if "credentials" in sip else None,
    )


def _build_tls(tls: dict[str, Any] | None, base: Path) -> CertificateFiles | None:
    if tls is None:
        return None
    pairs = zip(_texts(tls["certificate"]), _texts(tls["key"]), strict=True)
    chains = tuple((base / certificate, base / key) for certificate, key in pairs)
    return CertificateFiles(chains, base / tls["client_ca"] if "client_ca" in tls else None)


def _build_api(http: dict[str, Any] | None, base: Path) -> ApiSettings | None:
    return None if http is None else build_api(http, _address("tcp:" + http["listen"]), base)


def _build_mi(mi: dict[str, Any], base: Path) -> MiSettings:
    fifo, datagram, http = mi.get("fifo"), mi.get("datagram"), mi.get("http")
    where: ListenAddress | Path | None = None
    if datagram:
        is_unix = datagram.startswith("unix:")
        where = base / datagram.removeprefix("unix:") if is_unix else _address(datagram)
    return MiSettings(
        fifo=fifo and FifoSettings(base / fifo["path"], base / fifo["reply_dir"]),
        datagram=where,
        http=http
        and HttpSettings(_address("tcp:" + http["listen"]), http["root"], http.get("secret")),
    )
