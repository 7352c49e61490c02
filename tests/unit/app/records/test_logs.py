"""Log lines, and what is counted."""

import asyncio
import io
import json
import sys

import orjson
import pytest
import structlog
from structlog.testing import capture_logs

from dfks_rules.app.records.logs import LEVELS, LoggedOutcomes, _Lines, print_uncaught, set_up
from dfks_rules.errors import StoreError
from dfks_rules.model.decisions import Decision, Denial, NotifyScope, Outcome
from dfks_rules.model.features import NOTHING_STORED, OFF
from dfks_rules.model.requests import FeatureRequest, Operation, Origin, Requester
from dfks_rules.policy.facts.view import NOWHERE
from dfks_rules.service.feed import Failed, Settled
from tests.helpers.policy import ALICE, CFA, NOON, ON, PHONE, get, set_, subscribe
from tests.helpers.states import forwarding

_ASKED = forwarding(True, "sip:bob@example.com")


def _outcome(
    request: FeatureRequest, denial: Denial | None = None, logs: tuple[str, ...] = ()
) -> Outcome:
    decision = Decision(ON, True, NotifyScope.ALL, denial, ("p/r",), {}, logs, "5e1f")
    return Outcome(
        request, decision, OFF, OFF if denial else _ASKED, ON, NOTHING_STORED, NOON, NOWHERE
    )


def _settled(*outcomes: Outcome) -> Settled:
    """What the change feed says of a request of Alice's."""
    return Settled(ALICE, outcomes, 1, outcomes[0].request.requester, NOON, 0.0)


def _failed(requester: Requester = PHONE) -> Failed:
    """What it says when the store fails."""
    return Failed(ALICE, StoreError("store_unavailable", "disk is full"), requester, 0.0)


def _lines(capfd: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in capfd.readouterr().err.splitlines()]


def test_sets_are_logged_with_who_what_and_why(capfd: pytest.CaptureFixture[str]) -> None:
    """The line that an operator greps for when a customer calls."""
    set_up("info")
    LoggedOutcomes().hear(_settled(_outcome(set_(CFA, _ASKED))))
    (line,) = _lines(capfd)
    assert line.pop("at")
    assert line == {
        "level": "info",
        "event": "feature_set",
        "presentity": "sip:alice@example.com",
        "feature": "CallForwardingAlways",
        "status": 1,
        "forward_to": "sip:bob@example.com",
        "ring_count": None,
        "changed": True,
        "origin": "watcher",
        "watcher": "sip:alice@example.com",
        "actor": "sip:alice@example.com",
        "source": None,
        "reason": None,
        "matched": ["p/r"],
        "policy_revision": "5e1f",
    }


def test_a_set_by_an_operator_is_logged_with_the_name_of_the_token(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Else the log would not say which of the programs with a token it was."""
    set_up("info")
    desk = Requester(Origin.OPERATOR, actor="front-desk")
    request = FeatureRequest(Operation.SET, ALICE, desk, CFA, _ASKED)
    LoggedOutcomes().hear(_settled(_outcome(request)))
    (line,) = _lines(capfd)
    assert (line["origin"], line["watcher"], line["actor"]) == ("operator", None, "front-desk")


def test_refused_set_is_another_event_with_its_reason(capfd: pytest.CaptureFixture[str]) -> None:
    """Fraud attempts must be easy to find."""
    set_up("info")
    LoggedOutcomes().hear(_settled(_outcome(set_(CFA, _ASKED), Denial("toll-fraud"))))
    (line,) = _lines(capfd)
    assert (line["event"], line["reason"]) == ("feature_set_denied", "toll-fraud")
    assert (line["changed"], line["status"]) == (False, 0)


def test_a_line_that_fails_does_not_keep_later_ones_from_being_logged(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Text that no encoder takes, say."""
    set_up("info")
    log = LoggedOutcomes()
    outcome = _outcome(set_(CFA, _ASKED))
    with monkeypatch.context() as broken:
        broken.setattr(log, "_log", None)
        with pytest.raises(AttributeError):
            log.hear(_settled(outcome))
    log.hear(_settled(outcome))
    assert [line["event"] for line in _lines(capfd)] == ["feature_set"]


@pytest.mark.parametrize("level", ["info", "warning"])
def test_a_line_with_a_name_that_is_not_text_is_written_escaped(
    level: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """A file name may hold any bytes; a reload that logs it must not end in a traceback."""
    set_up("info")
    getattr(structlog.get_logger(), level)("policy", file="b\udcff.yaml", count=2**70)
    line = json.loads(capfd.readouterr().err)
    assert (line["event"], line["file"], line["count"]) == ("policy", "b\udcff.yaml", 2**70)


def test_gets_are_counted_and_only_what_policies_want_is_logged(
    capfd: pytest.CaptureFixture[str],
) -> None:
    """100,000 phones ask all day."""
    set_up("info")
    log = LoggedOutcomes()
    log.hear(
        _settled(
            *(_outcome(get()), _outcome(get(), logs=("a get",)), _outcome(set_(), Denial("x")))
        )
    )
    assert [line["event"] for line in _lines(capfd)] == ["policy_log", "feature_set_denied"]
    assert log.counts == {
        "gets": 2,
        "sets": 1,
        "denials": 1,
        "failures": 0,
    }


def test_failures_are_logged_with_their_trace(capfd: pytest.CaptureFixture[str]) -> None:
    """A bug is found by it; MI tells its client that the log has it."""
    set_up("info")
    log = structlog.get_logger()
    failure = ValueError("a bug")
    log.error("reload_broken", exc_info=failure)
    try:
        raise failure
    except ValueError:
        log.exception("call_failed")
    lines = _lines(capfd)
    assert [line["event"] for line in lines] == ["reload_broken", "call_failed"]
    assert all("ValueError: a bug" in str(line["exception"]) for line in lines)


def test_what_nobody_can_catch_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    """Except what strangers cause; tests/e2e/test_tls.py has one."""

    class Broken:
        def __del__(self) -> None:
            raise ValueError("broken")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "unraisablehook", print_uncaught)
        Broken()
    assert "ValueError: broken" in capfd.readouterr().err


def test_level_can_be_changed_while_it_runs(capfd: pytest.CaptureFixture[str]) -> None:
    """By MI, on a server that must not be restarted."""
    set_up("info")
    log = LoggedOutcomes()
    for level in LEVELS:
        log.set_level(level)
        log.hear(_settled(_outcome(set_())))
    assert len(_lines(capfd)) == 2


class _Written(io.BytesIO):
    """Counts the system calls that there would be."""

    def __init__(self) -> None:
        super().__init__()
        self.flushes = 0

    def flush(self) -> None:
        self.flushes += 1


async def test_lines_of_one_turn_are_written_together() -> None:
    """One system call for a batch of keys, and none is held back or written twice."""
    target = _Written()
    lines = _Lines(target)
    for turn in (1, 2):
        for line in (b"a", b"b"):
            lines.msg(line)
        await asyncio.sleep(0)
        assert (target.getvalue(), target.flushes) == (b"a\nb\n" * turn, turn)


def test_lines_are_written_at_once_where_no_loop_runs() -> None:
    """What is said before the start and after the end."""
    target = _Written()
    _Lines(target).msg(b"a")
    assert target.getvalue() == b"a\n"


class _FullDisk(io.BytesIO):
    full = True

    def write(self, data: object, /) -> int:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(data)  # type: ignore[arg-type]


def test_lines_that_nobody_takes_are_dropped() -> None:
    """A full disk under the log must cost neither the server nor its memory."""
    target = _FullDisk()
    lines = _Lines(target)
    lines.msg(b"a")
    target.full = False
    lines.msg(b"b")
    assert target.getvalue() == b"b\n"


def test_admissions_are_not_counted() -> None:
    """Refused subscriptions are no refused sets."""
    log = LoggedOutcomes()
    log.hear(_settled(_outcome(subscribe(), Denial("no"))))
    assert set(log.counts.values()) == {0}


def test_a_store_that_fails_is_told_once_a_second_and_counted() -> None:
    """A full disk must not fill it further."""
    with capture_logs() as lines:
        log = LoggedOutcomes()
        for _ in range(3):
            log.hear(_failed())
    assert [(line["event"], line["reason"], line["requests"]) for line in lines] == [
        ("store_failed", "disk is full", 1)
    ]
    assert log.counts["failures"] == 3


def test_a_set_that_followed_fails_with_its_request_and_is_no_failure_of_its_own() -> None:
    """One key press is one request, whatever follows from it."""
    with capture_logs() as lines:
        log = LoggedOutcomes()
        log.hear(_failed())
        log.hear(_failed(Requester(Origin.INTERNAL)))
    assert [line["event"] for line in lines] == ["store_failed"]
    assert log.counts["failures"] == 1
