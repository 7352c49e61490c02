"""What tools ask of any server first."""

import os
from pathlib import Path

import pytest

from dfks_rules import __version__
from dfks_rules.mi.methods import REGISTRY
from dfks_rules.mi.registry import Method
from tests.helpers.mi import error, result
from tests.helpers.operations import MemoryOperations

_PAGE = Path(__file__).parents[4] / "docs" / "reference" / "mi.md"


async def test_which_lists_canonical_names_and_old_aliases() -> None:
    """opensips-cli refuses a name that is not listed."""
    names = await result(MemoryOperations(), "which")
    assert {"which", "presence_dfks:set_feature", "dfks_set_feature", "dfks:get_features"} < set(
        names
    )


async def test_which_of_a_method_gives_its_parameter_sets() -> None:
    """opensips-cli completes from them; this is OpenSIPS's own answer."""
    sets = await result(MemoryOperations(), "which", ["presence_dfks:set_feature"])
    assert sets == [
        ["presentity", "feature", "status"],
        ["presentity", "feature", "status", "values"],
        ["presentity", "feature", "status", "route_param"],
        ["presentity", "feature", "status", "route_param", "values"],
    ]


@pytest.mark.parametrize("method", ["which", "help"])
async def test_unknown_command_is_error_404(method: str) -> None:
    """The code and the words of OpenSIPS."""
    failed = await error(MemoryOperations(), method, {"command": "nonsense"})
    assert failed == {"code": 404, "message": "unknown MI command"}


async def test_help_describes_each_method() -> None:
    """An operator without the documentation finds the way."""
    assert len(await result(MemoryOperations(), "help")) == len(REGISTRY.methods)
    about = await result(MemoryOperations(), "help", ["dfks_set_feature"])
    assert about["Name"] == "presence_dfks:set_feature"
    assert set(about["Parameters"]) == {"presentity", "feature", "status", "route_param", "values"}


@pytest.mark.parametrize("method", REGISTRY.methods, ids=lambda method: method.name)
def test_every_method_is_in_the_reference(method: Method) -> None:
    """With its aliases and parameters; a method that nobody can find does not exist."""
    page = _PAGE.read_text()
    section = page.partition(f"### `{method.name}`")[2].partition("\n### ")[0]
    for name in (*method.aliases, *method.parameters):
        assert f"`{name}`" in section


async def test_uptime_is_in_the_words_of_opensips() -> None:
    """Monitors read it."""
    answer = await result(MemoryOperations(), "uptime")
    assert answer["Up time"] == "90 [sec]"
    assert answer["Up since"] < answer["Now"]


async def test_version_and_processes_are_told() -> None:
    """A monitor tells servers apart by them."""
    assert await result(MemoryOperations(), "version") == {"Server": f"dfks-rules ({__version__})"}
    (process,) = (await result(MemoryOperations(), "ps"))["Processes"]
    assert process["PID"] == os.getpid()


@pytest.mark.parametrize(("given", "level"), [("debug", "debug"), ("4", "debug"), (-1, "error")])
async def test_log_level_takes_names_and_numbers_of_opensips(given: str | int, level: str) -> None:
    """Operators have the numbers in their fingers."""
    operations = MemoryOperations()
    assert await result(operations, "log_level") == {"Log level": "info"}
    assert await result(operations, "log_level", [given]) == {"Log level": level}
    assert await result(operations, "log_level") == {"Log level": level}


@pytest.mark.parametrize("level", ["verbose", 7, "7"])
async def test_unknown_log_level_is_refused(level: str | int) -> None:
    """Not taken for the nearest one."""
    assert (await error(MemoryOperations(), "log_level", [level]))["data"].startswith("level: ")
