"""Changes, laid out for people."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from dfks_rules.cli.changes import Printer

ROW: dict[str, Any] = {
    "seq": 7,
    "at": "2026-01-05T12:00:00.250+00:00",
    "presentity": "sip:alice@example.com",
    "revision": 3,
    "feature": "DoNotDisturb",
    "before": {"status": 0},
    "after": {"status": 1},
    "origin": "watcher",
    "actor": "sip:alice@example.com",
    "rule": "default/store",
    "decision": "abc123-17",
}
FORWARD = ROW | {
    "feature": "CallForwardingAlways",
    "before": {"status": 0, "forwardTo": "sip:a@example.com"},
    "after": {"status": 1, "forwardTo": "sip:b@example.com"},
}


@pytest.fixture(autouse=True)
def _zone() -> Iterator[None]:
    """Times are those on the operator's clock; the C library then forgets it again."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


def test_a_change_is_a_line_in_local_time(capsys: pytest.CaptureFixture[str]) -> None:
    """Readable at three in the morning."""
    Printer(one_presentity=True, as_json=False).print([ROW])
    head, line = capsys.readouterr().out.splitlines()
    assert head.split() == ["time", "feature", "change", "origin", "actor", "rule", "decision"]
    assert line.split("  ")[0] == "2026-01-05 13:00:00"
    assert "DoNotDisturb            off → on   watcher   sip:alice@example.com" in line
    assert line.endswith("default/store  abc123-17")


def test_of_everybody_each_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """And values are shown, which is what a forwarding is about."""
    Printer(one_presentity=False, as_json=False).print([ROW, FORWARD | {"rule": ""}])
    head, first, second = capsys.readouterr().out.splitlines()
    column = head.index("change")
    assert first[column:].startswith("off → on ")
    assert second[column:].startswith(
        "off forwardTo=sip:a@example.com → on forwardTo=sip:b@example.com  watcher"
    )
    assert second[head.index("rule") :].split() == ["-", "abc123-17"]


def test_later_lines_stay_below_the_same_head(capsys: pytest.CaptureFixture[str]) -> None:
    """It is printed once, also if nothing has changed yet."""
    printer = Printer(one_presentity=True, as_json=False)
    for rows in ([], [ROW], [FORWARD], [ROW]):
        printer.print(rows)
    lines = capsys.readouterr().out.splitlines()
    assert [line.startswith("time") for line in lines] == [True, False, False, False]
    assert lines[1].index("off") == lines[2].index("off ") == lines[0].index("change")


def test_scripts_get_an_object_on_each_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing but that."""
    Printer(one_presentity=True, as_json=True).print([ROW, FORWARD])
    assert [*map(json.loads, capsys.readouterr().out.splitlines())] == [ROW, FORWARD]


def test_control_characters_are_shown_not_obeyed(capsys: pytest.CaptureFixture[str]) -> None:
    """A phone wrote them."""
    row = FORWARD | {"after": {"status": 1, "forwardTo": "\x1b[2J"}, "actor": "\x07"}
    Printer(one_presentity=True, as_json=False).print([row])
    assert not {"\x1b", "\x07"} & set(capsys.readouterr().out)


def test_what_goes_on_is_noted_once(capsys: pytest.CaptureFixture[str]) -> None:
    """A server that is away for an hour is one line, not 7,200."""
    printer = Printer(one_presentity=True, as_json=True)
    for text in ("gone", "gone", "back", "gone"):
        printer.note(text)
    assert capsys.readouterr().err.splitlines() == ["dfks: gone", "dfks: back", "dfks: gone"]
