"""What a bridge remembers."""

import sqlite3
from pathlib import Path

import pytest

from dfks_rules.bridges.memory import Agreed, Memory
from dfks_rules.bridges.merging import Sent, Side
from dfks_rules.bridges.states import FEATURES, OFF, CallState
from dfks_rules.errors import DfksError

AGREED = Agreed(
    7,
    dict.fromkeys(FEATURES, OFF) | {FEATURES[3]: CallState(True, "202", 4)},
    {FEATURES[0]: Sent(Side.SWITCH, CallState(True))},
)


def test_what_was_committed_is_remembered(tmp_path: Path) -> None:
    """In a folder that was not there."""
    file = tmp_path / "var/bridge.db"
    memory = Memory(file)
    assert (memory.last_event, memory.agreed("201")) == ("", None)
    memory.remember("201", AGREED)
    memory.seen("42")
    memory.commit()
    memory.remember("202", AGREED)
    memory._file.close()  # it is killed
    memory = Memory(file)
    assert (memory.last_event, memory.agreed("201"), memory.agreed("202")) == ("42", AGREED, None)
    memory.seen("43")
    memory.close()
    memory = Memory(file)
    assert memory.last_event == "43"
    memory.close()


def test_two_bridges_cannot_share_it(tmp_path: Path) -> None:
    """Each would take the other's writes for changes at the switch."""
    memory = Memory(tmp_path / "bridge.db")
    with pytest.raises(DfksError, match="locked") as raised:
        Memory(tmp_path / "bridge.db")
    assert raised.value.code == "bridge_memory"
    memory.close()


@pytest.mark.parametrize(
    "states",
    [
        '{"DoNotDisturb": 1}',
        '{"states": {}, "sent": {"DoNotDisturb": 1}}',
        '{"Nonsense": []}',
        "{",
        "[]",
    ],
)
def test_broken_file_is_said_to_be_broken(tmp_path: Path, states: str) -> None:
    """Nothing is guessed; without the file, everything is compared."""
    file = tmp_path / "bridge.db"
    Memory(file).close()
    with sqlite3.connect(file) as database:
        database.execute("INSERT INTO agreed VALUES ('201', 1, ?)", (states,))
    database.close()
    with pytest.raises(DfksError, match="cannot be used"):
        Memory(file)
    file.write_text("no database, but long enough to be read as the head of one" * 20)
    with pytest.raises(DfksError, match="cannot be used"):
        Memory(file)


def test_folder_is_no_file(tmp_path: Path) -> None:
    """As when the path was mistyped."""
    with pytest.raises(DfksError, match="cannot be used"):
        Memory(tmp_path)
