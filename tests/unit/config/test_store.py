"""The setting `store`, in both forms."""

from pathlib import Path

import pytest

from dfks_rules.config import load_config
from dfks_rules.config.settings import Config
from dfks_rules.config.store import build_store, lengthen
from dfks_rules.errors import ConfigError


def _load(folder: Path, text: str, **environ: str) -> Config:
    path = folder / "dfks.yaml"
    path.write_text(text)
    return load_config(path, environ)


def _findings(folder: Path, text: str, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        _load(folder, text, **environ)
    return [str(finding).removeprefix(f"{folder}/") for finding in caught.value.findings]


def test_a_form_is_a_file_and_a_group() -> None:
    """Only the long one can name a group."""
    base = Path("/etc/dfks")
    assert build_store("memory:", base) == (None, None)
    assert build_store("sqlite:x.db", base) == (base / "x.db", None)
    assert build_store({"sqlite": "/x.db", "group": "voip"}, base) == (Path("/x.db"), "voip")


@pytest.mark.parametrize(
    ("text", "environ", "file", "group"),
    [
        ("store: {sqlite: a.db, group: voip}", {}, "a.db", "voip"),
        ("store: {sqlite: a.db}", {}, "a.db", None),
        ("store: {group: voip}", {}, "var/dfks.db", "voip"),
        ("store: {sqlite: a.db, group: voip}", {"DFKS_STORE": "sqlite:b.db"}, "b.db", None),
        ("store: {sqlite: a.db}", {"DFKS_STORE__GROUP": "voip"}, "a.db", "voip"),
        ("store: 'sqlite:a.db'", {"DFKS_STORE__GROUP": "voip"}, "a.db", "voip"),
        ("", {"DFKS_STORE__GROUP": "voip"}, "var/dfks.db", "voip"),
        ("store: 'memory:'", {"DFKS_STORE__SQLITE": "b.db"}, "b.db", None),
        ("store: 'memory:'", {"DFKS_STORE__GROUP": "voip"}, None, None),
    ],
)
def test_file_and_environment_may_use_either_form(
    tmp_path: Path, text: str, environ: dict[str, str], file: str | None, group: str | None
) -> None:
    """A variable for a part changes that part only; `DFKS_STORE` replaces everything."""
    config = _load(tmp_path, text, **environ)
    assert config.store == (None if file is None else tmp_path / file)
    assert config.store_group == group


@pytest.mark.parametrize("values", [None, [], {}, {"store": 5}, {"store": {"sqlite": 5}}])
def test_what_is_wrong_stays_wrong(values: object) -> None:
    """The schema says what it is."""
    before = repr(values)
    lengthen(values, ("store", "sqlite"))
    assert repr(values) == before


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (
            "store: 5",
            "dfks.yaml:1:8: `store` must look like `sqlite:var/dfks.db` or "
            "`postgresql://dfks@db.example.com/dfks` or `memory:`",
        ),
        ("store: []", "dfks.yaml:1:8: `store` must be a mapping or text"),
        ("store: {sqlite: ''}", "dfks.yaml:1:17: `store.sqlite` is empty"),
        ("store: {group: a b}", "dfks.yaml:1:16: `store.group` is `a b`; it must look like `voip`"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, finding: str) -> None:
    """With its line."""
    assert [one.removesuffix(" [config_bad_value]") for one in _findings(tmp_path, text)] == [
        finding.replace("must look", "is `5`; it must look") if text == "store: 5" else finding
    ]


def test_an_unknown_part_is_named(tmp_path: Path) -> None:
    """With what may be meant."""
    assert _findings(tmp_path, "store: {sqlite: a, goup: voip}") == [
        "dfks.yaml:1:20: unknown key `store.goup` (did you mean `group`?) [config_unknown_key]"
    ]


def test_only_the_form_that_holds_is_shown(tmp_path: Path) -> None:
    """`dfks config show` shows what would be written."""

    def shown(text: str) -> dict[str, object]:
        settings = _load(tmp_path, text).settings
        return {one.key: one.value for one in settings if one.key.startswith("store")}

    assert shown("store: 'memory:'") == {"store": "memory:"}
    assert shown("store: {group: voip}") == {"store.sqlite": "var/dfks.db", "store.group": "voip"}
