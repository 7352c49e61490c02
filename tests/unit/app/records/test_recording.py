"""What is written down, and where."""

from pathlib import Path

from dfks_rules.app.records.recording import Recording
from dfks_rules.config.settings import DecisionSettings
from dfks_rules.errors import StoreError
from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Origin, Requester
from dfks_rules.service.feed import Failed


def test_log_and_decisions_hear_what_the_feed_tells(tmp_path: Path) -> None:
    """Before anybody else does."""
    file = tmp_path / "decisions.jsonl"
    recording = Recording("info", DecisionSettings(10, file, mask=True), "start", lambda _: None)
    failed = StoreError("store_unavailable", "no")
    requester = Requester(Origin.OPERATOR)
    recording.feed.publish(Failed(Aor("alice", "example.com"), failed, requester, 0.0))
    assert recording.log.counts["failures"] == 1
    recording.close()
