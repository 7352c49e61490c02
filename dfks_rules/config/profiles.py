"""Profiles files: how phones are treated, in YAML → rows that find a profile by User-Agent.

The operator's file is tried before the one in this package, and within a file an earlier profile
before a later one.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dfks_rules.config.files import read_text
from dfks_rules.config.schema import fill_defaults, find_mistakes, profiles_schema
from dfks_rules.csta.style import BodyStyle, Encoding, OffNumber, Quotes
from dfks_rules.errors import ConfigError, Finding
from dfks_rules.policy.words.wording import did_you_mean
from dfks_rules.presence.package import OnNotifyTimeout
from dfks_rules.presence.profile import Profile, Row
from dfks_rules.sip.digest import Algorithm
from dfks_rules.yaml.tree import Tree, read_tree

SHIPPED = Path(__file__).with_name("profiles.yaml")
"""The profiles that come with the server."""
DEFAULT = "default"
"""Name of the profile for phones that no other matches, and from which the others start."""

_OWN = ("name", "match", "extends")
"""Keys that a profile does not inherit from the one that it extends."""


class ReadProfiles(NamedTuple):
    """The profiles of the operator's file and of the shipped one."""

    rows: tuple[Row, ...]
    """In the order in which they are tried."""
    default: Profile
    """For phones that none of them matches."""
    origins: dict[str, str]
    """Name of each profile → where it stands, in words."""
    settings: dict[str, dict[str, Any]]
    """Name of each profile → its settings that are not the default ones."""


class _Entry(NamedTuple):
    """A profile as it is written."""

    values: Mapping[str, Any]
    tree: Tree
    position: int

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.values["name"])

    @property
    def line(self) -> int:
        """Where it stands in its file, 1-based."""
        return self.tree.places[("profiles", self.position)].line

    def finding(self, key: str, message: str) -> Finding:
        """What is wrong with one of its settings."""
        return self.tree.finding(("profiles", self.position, key), "config_bad_value", message)


def read_profiles(path: Path | None) -> ReadProfiles:
    """The profiles that hold.

    Args:
        path: the operator's file; None for those that come with the server.

    Raises:
        ConfigError: the file cannot be used; all findings at once.
    """
    shipped = {entry.name: entry for entry in _entries(SHIPPED)}
    own = _entries(path) if path else []
    if findings := list(_find_contradictions(own, shipped)):
        raise ConfigError(findings)
    entries = {entry.name: entry for entry in own}
    tried = [*own, *(entry for name, entry in shipped.items() if name not in entries)]
    rows, settings, default = [], {}, Profile(DEFAULT)
    for entry in tried:
        values = _settings(entry, entries, shipped)
        profile = _build(entry.name, fill_defaults(values, _item_schema()))
        settings[entry.name] = values
        if entry.name == DEFAULT:
            default = profile
        rows.append(Row(_patterns(entry, shipped), profile))
    return ReadProfiles(tuple(rows), default, {one.name: _origin(one) for one in tried}, settings)


def _patterns(entry: _Entry, shipped: Mapping[str, _Entry]) -> tuple[str, ...]:
    """The patterns of a profile; one that extends the profile it replaces inherits that one's."""
    base = shipped[entry.name] if entry.values.get("extends") == entry.name else entry
    return tuple(entry.values.get("match", base.values.get("match", ())))


def _origin(entry: _Entry) -> str:
    file = entry.tree.file
    return "comes with the server" if file == str(SHIPPED) else f"{file}:{entry.line}"


def _item_schema() -> dict[str, Any]:
    item: dict[str, Any] = profiles_schema()["properties"]["profiles"]["items"]
    return item


def _entries(path: Path) -> list[_Entry]:
    """The profiles in one file, each of which obeys the schema."""
    tree = _read(path)
    mistakes = list(find_mistakes(tree.value, profiles_schema()))
    if mistakes:
        raise ConfigError(
            [tree.finding(way, code, text, at_key=at) for way, code, text, at in mistakes]
        )
    return [_Entry(values, tree, number) for number, values in enumerate(tree.value["profiles"])]


def _read(path: Path) -> Tree:
    tree, findings = read_tree(str(path), read_text(path, "profiles"), "config")
    if tree is None:
        raise ConfigError(findings)
    return tree


def _find_contradictions(own: list[_Entry], shipped: Mapping[str, _Entry]) -> Iterator[Finding]:
    """Contradictions in profiles that obey the schema."""
    seen: dict[str, _Entry] = {}
    for entry in own:
        if entry.name in seen:
            message = f"profile `{entry.name}` appears twice, first on line {seen[entry.name].line}"
            yield entry.finding("name", message)
        seen.setdefault(entry.name, entry)
        if entry.name == DEFAULT and "match" in entry.values:
            message = "`default` is for phones that no profile matches, and has no `match`"
            yield entry.finding("match", message)
        for pattern in entry.values.get("match", ()):
            if pattern[:1] == "^" or pattern[-1:] == "$":
                message = (
                    f"`{pattern}` looks like a regular expression; a pattern is the whole"
                    " User-Agent, in which `*` stands for any text"
                )
                yield entry.finding("match", message)
    names = {*seen, *shipped}
    for entry in own:
        base = entry.values.get("extends")
        if base is not None and base not in names:
            yield entry.finding("extends", f"unknown profile `{base}`{did_you_mean(base, names)}")
        elif base == entry.name and base not in shipped:
            message = f"`{base}` extends itself; no profile of that name comes with the server"
            yield entry.finding("extends", message)
        elif base is not None and _is_in_circle(entry, seen, shipped):
            yield entry.finding("extends", f"`{entry.name}` extends itself by way of `{base}`")


def _base(entry: _Entry, own: Mapping[str, _Entry], shipped: Mapping[str, _Entry]) -> _Entry | None:
    """The profile that one extends; None for the defaults of the schema."""
    name = entry.values.get("extends", DEFAULT)
    if name == entry.name:
        return shipped.get(name) if own.get(name) is entry else None
    return own.get(name) or shipped.get(name)


def _is_in_circle(entry: _Entry, own: Mapping[str, _Entry], shipped: Mapping[str, _Entry]) -> bool:
    passed = [entry]
    base = _base(entry, own, shipped)
    while base is not None:
        if base in passed:
            return base is entry
        passed.append(base)
        base = _base(base, own, shipped)
    return False


def _settings(
    entry: _Entry, own: Mapping[str, _Entry], shipped: Mapping[str, _Entry]
) -> dict[str, Any]:
    """What holds for a profile, but for the defaults of the schema."""
    base = _base(entry, own, shipped)
    inherited = {} if base is None else _settings(base, own, shipped)
    return inherited | {key: said for key, said in entry.values.items() if key not in _OWN}


def _build(name: str, values: Mapping[str, Any]) -> Profile:
    """A profile as presence takes it.

    Args:
        name: its name.
        values: its settings, complete.
    """
    style = BodyStyle(
        OffNumber(values["off_number"]),
        Quotes(values["declaration"]),
        Encoding(values["encoding"]),
        quoted_boundary=values["boundary"] == "quoted",
    )
    device = values["device"]
    texts = {"echo": None, "user": None, "empty": ""}
    timeout = values.get("on_notify_timeout")
    is_refresh = values["repeats"] == "refresh"
    return Profile(
        name,
        style,
        device=texts[device] if device in texts else device.removeprefix("text:"),
        device_is_user=device == "user",
        multipart=values["body"] == "multipart",
        max_body=values.get("max_body"),
        on_notify_timeout=None if timeout is None else OnNotifyTimeout(timeout),
        notify_timeouts=values["notify_timeouts"],
        seen=values["seen"],
        echoes_ignored=values["echoes"] == "ignored",
        refreshes_from=values["refreshes_from"] / 100 if is_refresh else None,
        algorithms=tuple(Algorithm(one) for one in values["algorithms"]),
    )
