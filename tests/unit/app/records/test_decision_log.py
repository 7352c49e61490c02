"""The decision log in a file."""

import stat
from pathlib import Path
from typing import Any

import orjson
import pytest

from dfks_rules.app.records.decision_log import DecisionLog, Mask, record_of, view_of_outcome
from dfks_rules.errors import ConfigError
from dfks_rules.model.identity import Aor
from dfks_rules.policy.facts.given import view_of
from dfks_rules.policy.site.site import NO_SITE
from tests.helpers.policy import CFA, set_
from tests.helpers.states import forwarding
from tests.unit.app.records.test_decisions import outcome

CALL = outcome(
    set_(CFA, forwarding(False, "sip:+493012345@x"))._replace(
        presentity=Aor("+493098765", "example.com")
    )
)


def logged(file: Path, *, mask: bool) -> dict[str, Any]:
    """The record of one call, through the file."""
    log = DecisionLog(file, mask=mask)
    log.write("ab", 7, (CALL,), NO_SITE)
    log.close()
    assert log.lost == 0
    record: dict[str, Any] = orjson.loads(file.read_bytes().splitlines()[-1])
    return record


def test_a_record_makes_the_request_again(tmp_path: Path) -> None:
    """What `replay` and cases are made of."""
    record = logged(tmp_path / "d.jsonl", mask=False)
    assert record == record_of("ab-7", CALL, NO_SITE)
    assert view_of(record["given"]).request == view_of_outcome(CALL, NO_SITE).request


def test_numbers_are_masked_and_equal_ones_alike(tmp_path: Path) -> None:
    """A log goes to more people than a store; the key stays."""
    file = tmp_path / "var" / "d.jsonl"
    one, other = logged(file, mask=True), logged(file, mask=True)
    assert one == other
    assert one["given"]["request.forwardTo"].startswith("sip:+4930*****~")
    assert one["decision"]["values"]["forwardTo"] == one["given"]["request.forwardTo"]
    assert b"12345@" not in file.read_bytes()
    assert one["decision"]["matched"] == ["default/store-what-is-asked"]
    for made in (file, tmp_path / "var" / "d.jsonl.key"):
        assert stat.S_IMODE(made.stat().st_mode) == 0o600


def test_marks_depend_on_the_key() -> None:
    """Else all numbers could be tried."""
    assert Mask(b"a").text("+493012345") != Mask(b"b").text("+493012345")
    assert Mask(b"a").text("room 1234, 2026-01-05") == "room 1234, 2026-01-05"


def test_a_file_that_was_moved_is_made_again(tmp_path: Path) -> None:
    """As logrotate does."""
    file = tmp_path / "d.jsonl"
    logged(file, mask=False)
    file.rename(tmp_path / "d.jsonl.1")
    logged(file, mask=False)
    assert len(file.read_bytes().splitlines()) == 1


def test_a_disk_that_fails_costs_records_and_not_the_server(tmp_path: Path) -> None:
    """They are counted."""
    log = DecisionLog(tmp_path, mask=False)
    log.write("ab", 1, (CALL,), NO_SITE)
    log.close()
    assert log.lost == 1


def test_a_record_that_cannot_be_written_does_not_end_the_log(tmp_path: Path) -> None:
    """An operator's text may hold half a surrogate pair, which is no UTF-8."""
    odd = CALL._replace(request=CALL.request._replace(presentity=Aor("\ud800", "example.com")))
    log = DecisionLog(tmp_path / "d.jsonl", mask=False)
    log.write("ab", 1, (odd,), NO_SITE)
    log.write("ab", 2, (CALL,), NO_SITE)
    log.close()
    assert log.lost == 1
    (line,) = (tmp_path / "d.jsonl").read_bytes().splitlines()
    assert orjson.loads(line)["id"] == "ab-2"


def test_a_folder_that_cannot_be_made_is_a_setting_that_cannot_be_used(tmp_path: Path) -> None:
    """It was told as `cannot listen`."""
    (tmp_path / "file").write_text("")
    with pytest.raises(
        ConfigError, match=r"decisions\.file: cannot log decisions to .*: File exists"
    ):
        DecisionLog(tmp_path / "file" / "d.jsonl", mask=True)


def test_a_key_that_a_full_disk_left_empty_is_made_anew(tmp_path: Path) -> None:
    """With an empty key every number could be found by trying."""
    (tmp_path / "d.jsonl.key").write_bytes(b"")
    logged(tmp_path / "d.jsonl", mask=True)
    assert len((tmp_path / "d.jsonl.key").read_bytes()) == 32
