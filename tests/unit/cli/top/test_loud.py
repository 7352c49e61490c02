"""Who is loudest."""

from typing import Any

import pytest

from dfks_rules.cli.top.loud import WINDOW, Loud


def _about(user: str, rule: str | None = None, reason: str = "no") -> dict[str, Any]:
    return {"presentity": f"sip:{user}@x", "rule": rule, "reason": reason}


def test_who_changes_and_is_refused_most_comes_first() -> None:
    """For a minute."""
    loud = Loud()
    for _ in range(3):
        loud.hear("feature-changed", _about("a"), 0.0)
    for _ in range(4):
        loud.hear("feature-refused", _about("b", "p/r"), 1.0)
    loud.hear("feature-refused", _about("a", None, "too-many-sets"), 2.0)
    loud.hear("feature-changed", _about("b"), 3.0)
    loud.hear("policies-changed", {}, 3.0)
    assert loud.loudest(3.0, 9) == [
        {"presentity": "sip:b@x", "changes": 1, "refused": 4},
        {"presentity": "sip:a@x", "changes": 3, "refused": 1},
    ]
    assert loud.loudest(3.0, 1)[0]["presentity"] == "sip:b@x"
    assert loud.refusals(3.0, 9) == [
        {"rule": "p/r", "reason": "no", "count": 4},
        {"rule": None, "reason": "too-many-sets", "count": 1},
    ]
    assert loud.loudest(WINDOW + 2.5, 9) == [{"presentity": "sip:b@x", "changes": 1, "refused": 0}]
    assert loud.refusals(WINDOW + 2.5, 9) == []


def test_only_so_many_events_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood must not fill the memory of whoever looks at it; that some are lost is told."""
    monkeypatch.setattr("dfks_rules.cli.top.loud.MAX_EVENTS", 10)
    loud = Loud()
    for number in range(25):
        loud.hear("feature-changed", _about(f"u{number}"), 0.0)
    loud.hear("gap", None, 0.0)
    assert len(loud.loudest(0.0, 99)) == 10
    assert loud.gaps == 1
