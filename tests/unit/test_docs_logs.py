"""The page about the log: each event that the server writes is on it."""

import ast
import re

from tests.helpers.published import ROOT

PAGE = (ROOT / "docs/reference/logs.md").read_text(encoding="utf-8")
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


def events_in(source: str) -> dict[str, tuple[str, set[str]]]:
    """Event → the level it is written at, and its fields."""
    found = {}
    for call in ast.walk(ast.parse(source)):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            continue
        logger, level = ast.unparse(call.func.value), call.func.attr
        if level in LEVELS and re.search(r"log(ger\(\))?$", logger):
            fields = {keyword.arg for keyword in call.keywords if keyword.arg}
            for part in ast.walk(call.args[0]):
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    found[part.value] = (level, fields)
    return found


def written() -> dict[str, tuple[str, set[str]]]:
    """All events of the source."""
    events: dict[str, tuple[str, set[str]]] = {}
    for file in (ROOT / "dfks_rules").rglob("*.py"):
        for event, (level, fields) in events_in(file.read_text(encoding="utf-8")).items():
            events[event] = (level, events.get(event, ("", set()))[1] | fields)
    return events


ROWS = dict(re.findall(r"^\| `(\w+)` \| (.*)$", PAGE, re.MULTILINE))


def test_every_event_is_on_the_page_and_no_other() -> None:
    """Alarms are made of names that are written."""
    assert set(ROWS) == set(written())
    assert "feature_set_denied" in ROWS


def test_every_field_is_told_with_its_event() -> None:
    """Whoever filters a log needs the names of its fields."""
    for event, (level, fields) in written().items():
        row = ROWS[event] if event != "feature_set_denied" else ROWS["feature_set"]
        told = {"exc_info": "exception"}
        for field in fields:
            assert f"`{told.get(field, field)}`" in row, f"{event}: {field}"
        assert ROWS[event].startswith({"exception": "error"}.get(level, level)), event
