"""The requests in a decision log."""

from pathlib import Path

import pytest

from dfks_rules.cli.policy.decision_log import MAX_BROKEN, MAX_LINE, requests_in


def test_requests_come_with_their_lines_and_the_rest_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A long line is one line; empty ones are nothing."""
    log = tmp_path / "log.jsonl"
    good = b'{"given": {"op": "subscribe"}}\n'
    log.write_bytes(good + b"\n" + b"x" * (MAX_LINE * 2) + b"\n" + b"y\n" * 100 + good)
    with log.open("rb") as file:
        found = [place for place, _ in requests_in(file)]
    assert found == [f"{log}:1", f"{log}:104"]
    told = capsys.readouterr().err
    assert told.count("not JSON") == MAX_BROKEN
    assert told.endswith(f"{log}: 101 lines skipped\n")
