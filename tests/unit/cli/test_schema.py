"""`dfks schema`."""

import json
import tomllib

import pytest
from click.testing import CliRunner

from dfks_rules.cli.schema import NAMES, command
from tests.helpers.published import ROOT

PUBLISHED = sorted(path.name for path in (ROOT / "schemas").glob("*.schema.json"))


@pytest.mark.parametrize("kind", NAMES)
def test_the_published_schema_is_printed(kind: str) -> None:
    """An editor that is given it completes and checks."""
    name = f"{NAMES[kind]}.schema.json"
    result = CliRunner().invoke(command, [kind])
    if name in PUBLISHED:
        assert result.output == (ROOT / "schemas" / name).read_text("utf-8")
        assert json.loads(result.output)["$schema"].startswith("https://json-schema.org/")
    else:
        assert result.output == f"Error: this version has no schema `{name}`\n"


def test_every_published_schema_can_be_printed() -> None:
    """A new kind of file shall not be forgotten here."""
    assert set(PUBLISHED) <= {f"{name}.schema.json" for name in NAMES.values()}


def test_the_schemas_are_in_the_wheel() -> None:
    """Where there is no source tree, they are found inside of the package."""
    build = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["hatch"]["build"]
    assert build["targets"]["wheel"]["force-include"] == {"schemas": "dfks_rules/schemas"}
