"""Log set-up, and the log line for each set and each refusal."""

import asyncio
import contextlib
import json
import logging
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import BinaryIO, Final

import orjson
import structlog

from dfks_rules.app.records.limit import Limit
from dfks_rules.app.records.line import PlainGets, event_of, tell
from dfks_rules.model.decisions import Outcome
from dfks_rules.model.requests import Operation, Origin
from dfks_rules.service.feed import Event, Failed, Settled

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}

# CPython 3.11 calls a Python function for each look at a member of an Enum.
_GET: Final = Operation.GET
_SUBSCRIBE: Final = Operation.SUBSCRIBE


def _at_end_of_turn(do: Callable[[], None]) -> None:
    """Call at the end of the current turn of the event loop; at once where no loop runs."""
    try:
        asyncio.get_running_loop().call_soon(do)
    except RuntimeError:
        do()


class _Lines:
    """Collects the lines of one turn of the event loop, and writes them in one system call."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._lines: list[bytes] = []

    def msg(self, line: bytes) -> None:
        """Write a line at the end of this turn."""
        self._lines.append(line)
        if len(self._lines) == 1:
            _at_end_of_turn(self._write_out)

    debug = info = warning = error = critical = msg

    def _write_out(self) -> None:
        self._lines.append(b"")
        lines = b"\n".join(self._lines)
        self._lines.clear()
        # A full disk or a vanished reader costs log lines, but never the server.
        with contextlib.suppress(OSError):
            self._target.write(lines)
            self._target.flush()


def set_up(level: str) -> None:
    """Log to stderr: readable text on a terminal, else JSON, one object per line."""
    least = LEVELS[level]
    if sys.stderr.isatty():
        structlog.configure(
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.dev.ConsoleRenderer(),
            ],
            wrapper_class=structlog.make_filtering_bound_logger(least),
            logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        )
    else:
        lines = _Lines(sys.stderr.buffer)
        structlog.configure(
            processors=[structlog.processors.format_exc_info, _json_line],
            wrapper_class=_json_logger(least),
            logger_factory=lambda *_: lines,
        )


def print_uncaught(told: "sys.UnraisableHookArgs") -> None:
    """Print an exception that nobody can catch, as Python does; but not what any stranger causes.

    A TLS handshake with a name (SNI) that is not ASCII is such an exception: it fails, and is
    counted like others that fail.
    """
    if not (isinstance(told.exc_value, UnicodeDecodeError) and isinstance(told.object, bytes)):
        sys.__unraisablehook__(told)


def _json_logger(least: int) -> type[structlog.typing.BindableLogger]:
    """The class of loggers that write JSON from the level `least` on.

    INFO has a fast path: there is a line for each key press.
    """
    logger = structlog.make_filtering_bound_logger(least)
    fast = {"info": _info, "put": _put}
    return logger if least > logging.INFO else type("JsonLogger", (logger,), fast)


def _info(self: structlog.BoundLoggerBase, event: str, **fields: object) -> None:
    now = datetime.now(UTC)  # noqa: TID251 - a log has the clock's time
    self._logger.msg(_json({"at": now, "level": "info", **self._context, "event": event, **fields}))


def _put(self: structlog.BoundLoggerBase, outcome: Outcome) -> None:
    """`info` for a set, without dictionaries in between."""
    now = datetime.now(UTC)  # noqa: TID251 - a log has the clock's time
    line: dict[str, object] = {"at": now, "level": "info", "event": event_of(outcome)}
    tell(outcome, line)
    self._logger.msg(_json(line))


def _json_line(_logger: object, level: str, event: structlog.typing.EventDict) -> bytes:
    now = datetime.now(UTC)  # noqa: TID251 - a log has the clock's time
    return _json({"at": now, "level": level, **event})


def _json(line: dict[str, object]) -> bytes:
    try:
        return orjson.dumps(line)
    except TypeError:
        return _escaped(line)


def _escaped(line: dict[str, object]) -> bytes:
    """A line with escapes for what UTF-8 cannot carry: names of files or sockets that are not text.

    Logging must not fail because of such a name.
    """
    return json.dumps(line, default=str, separators=(",", ":")).encode()


class LoggedOutcomes:
    """Logs outcomes: sets and refusals at INFO, with the lines the policies want logged."""

    def __init__(self, level: str = "info") -> None:
        self.level = level
        """The lowest level that is logged."""
        self.counts = {"gets": 0, "sets": 0, "denials": 0, "failures": 0}
        self._log = structlog.get_logger().bind()
        self._sets: list[Outcome] = []
        self._limit = Limit(1)
        self.hear: Final = PlainGets(self.counts, self._tell).hear
        """Logs and counts what the change feed reports."""

    def set_level(self, level: str) -> None:
        """Log from `level` on."""
        set_up(level)
        self.level = level
        self._log = structlog.get_logger().bind()

    def _tell(self, event: Event) -> None:
        """Log and count what is no plain get."""
        if isinstance(event, Settled):
            self._settled(event.outcomes)
        else:
            self._failed(event)

    def _settled(self, outcomes: tuple[Outcome, ...]) -> None:
        counts = self.counts
        for outcome in outcomes:
            decision, operation = outcome.decision, outcome.request.operation
            for text in decision.logs:
                self._log.info("policy_log", text=text, presentity=outcome.request.presentity.uri)
            if operation is _SUBSCRIBE:
                continue
            if decision.denial is not None:
                counts["denials"] += 1
            if operation is _GET:
                counts["gets"] += 1
                continue
            counts["sets"] += 1
            # Many sets are settled at once, and making their lines in one go costs half as much.
            self._sets.append(outcome)
            if len(self._sets) == 1:
                _at_end_of_turn(self._log_sets)

    def _failed(self, event: Failed) -> None:
        """Count a request for which the store failed; log at most one such line per second."""
        if event.requester.origin is Origin.INTERNAL:
            return  # It failed with the request from which it followed.
        self.counts["failures"] += 1
        presentity, reason = event.presentity.uri, event.error.message
        suppressed = self._limit.admit()
        if suppressed is not None:
            requests = 1 + suppressed
            self._log.error("store_failed", presentity=presentity, reason=reason, requests=requests)

    def _log_sets(self) -> None:
        # Clear the list first: a line that fails must not keep all later ones from being logged.
        sets, self._sets = self._sets, []
        put = getattr(self._log, "put", None)
        for outcome in sets:
            if put is None:
                fields: dict[str, object] = {}
                tell(outcome, fields)
                is_denied = outcome.decision.denial is not None
                # Not `event_of`: the page of events is compared with what stands in such calls.
                self._log.info("feature_set_denied" if is_denied else "feature_set", **fields)
            else:
                put(outcome)
