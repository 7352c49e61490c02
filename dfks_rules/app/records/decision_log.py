"""The decision log: a file of JSON lines, written by a separate thread.

The file is reopened for each batch, so that logrotate may move or truncate it at any time.
"""

import contextlib
import hashlib
import os
import queue
import re
import threading
from pathlib import Path
from typing import Any

import orjson
import structlog

from dfks_rules.errors import ConfigError, Finding
from dfks_rules.model.decisions import Outcome
from dfks_rules.model.gets import Came, outcomes_of
from dfks_rules.policy.deciding.answer import answer_of
from dfks_rules.policy.facts.given import given_of
from dfks_rules.policy.facts.view import NOWHERE, View
from dfks_rules.policy.site.site import Site

MAX_WAITING = 20_000
"""Most requests waiting to be written; further ones are dropped and counted as lost."""
BATCH = 500
"""Most requests written at once."""

_Waiting = tuple[str, int, Came, Site]

Record = dict[str, Any]
"""`id`, `at`, `given`, `decision`, `revision`; a JSON object."""

_log = structlog.get_logger("dfks.decisions")

_NUMBER = re.compile(r"\+?[0-9]{5,}")


def view_of_outcome(outcome: Outcome, site: Site) -> View:
    """What the decision was based on, for policies with that site.

    What was stored for other users is no longer known, so `target.loop` may differ.
    """
    around = outcome.around._replace(stored_of=NOWHERE.stored_of)
    return View(outcome.request, outcome.snapshot, outcome.at, around, site)


def record_of(name: str, outcome: Outcome, site: Site) -> Record:
    """The record of one decision, from which it can be repeated."""
    view = view_of_outcome(outcome, site)
    return {
        "id": name,
        "at": view.at.isoformat(),
        "given": given_of(view),
        "decision": answer_of(outcome.decision),
        "revision": outcome.decision.revision,
    }


class Mask:
    """Hides the last digits of numbers, and marks equal numbers alike."""

    def __init__(self, key: bytes) -> None:
        # There are few numbers: without the installation's key, each could be found by trying all.
        self._key = key

    def text(self, text: str) -> str:
        """Text with numbers masked, for example `+493012345` as `+4930*****~1a2b3c4d`."""
        return _NUMBER.sub(self._masked, text)

    def value(self, value: Any) -> Any:
        """A JSON value with every text in it masked; names of rules are kept."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self.value(one) for one in value]
        if isinstance(value, dict):
            kept = ("by", "matched", "lifted")
            return {k: one if k in kept else self.value(one) for k, one in value.items()}
        return value

    def record(self, record: Record) -> Record:
        """A copy of a record with its facts and decision masked."""
        given, decision = self.value(record["given"]), self.value(record["decision"])
        return {**record, "given": given, "decision": decision}

    def _masked(self, number: re.Match[str]) -> str:
        digits = number[0]
        shown = len(digits) - 5
        mark = hashlib.blake2b(digits.encode(), key=self._key, digest_size=4).hexdigest()
        return f"{digits[:shown]}*****~{mark}"


class DecisionLog:
    """Writes records to a file; never waits for the disk on the caller's thread."""

    def __init__(self, file: Path, *, mask: bool) -> None:
        """Starts the thread.

        Args:
            file: the file to append to; created with mode 0600.
            mask: whether to mask numbers, with the key in `FILE.key`.

        Raises:
            ConfigError: the folder or the key cannot be created.
        """
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._mask = Mask(_key(file.with_name(file.name + ".key"))) if mask else None
        except OSError as error:
            reason = f"cannot log decisions to `{file}`: {error.strerror}"
            finding = Finding("decisions.file", 0, 0, "config_unusable", reason)
            raise ConfigError([finding]) from error
        self.lost = 0
        """Requests not written because the disk was too slow or writing failed."""
        self._file = file
        self._waiting: queue.SimpleQueue[_Waiting | None]
        self._waiting = queue.SimpleQueue()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="decision-log", daemon=True)
        self._thread.start()

    def write(self, start: str, first: int, came: Came, site: Site) -> None:
        """Queue the outcomes of one request for writing.

        Args:
            start: prefix of each id, before its number.
            first: number of the first outcome.
            came: what came of one request.
            site: site of the policies that decided.
        """
        if self._waiting.qsize() < MAX_WAITING:
            self._waiting.put((start, first, came, site))
        else:
            self.lost += 1

    def close(self) -> None:
        """Write what is queued, then stop the thread."""
        self._waiting.put(None)
        self._thread.join()

    def _run(self) -> None:
        last = False
        while not last:
            batch = [self._waiting.get()]
            with contextlib.suppress(queue.Empty):
                while len(batch) < BATCH and batch[-1] is not None:
                    batch.append(self._waiting.get_nowait())
            last = batch[-1] is None
            self._append([one for one in batch if one is not None])

    def _append(self, batch: list[_Waiting]) -> None:
        lines = b"".join(map(self._lines, batch))
        try:
            with open(self._file, "ab", opener=_private) as file:
                file.write(lines)
            self._failing = False
        except OSError as error:
            self.lost += len(batch)
            if not self._failing:
                _log.warning("decision_log_failed", file=str(self._file), reason=error.strerror)
            self._failing = True

    def _lines(self, waiting: _Waiting) -> bytes:
        """The lines of one request; none when one of its records cannot be written."""
        start, first, came, site = waiting
        try:
            return b"".join(
                self._line(f"{start}-{number}", outcome, site)
                for number, outcome in enumerate(outcomes_of(came), first)
            )
        except Exception:  # noqa: BLE001 - one bad record must not end the log
            self.lost += 1
            _log.exception("decision_log_broken", decision=f"{start}-{first}")
            return b""

    def _line(self, name: str, outcome: Outcome, site: Site) -> bytes:
        record = record_of(name, outcome, site)
        if self._mask is not None:
            record = self._mask.record(record)
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _key(file: Path) -> bytes:
    """The key in a file, which is created if missing.

    Raises:
        OSError: it can neither be read nor created.
    """
    try:
        key = file.read_bytes()[:64]
    except FileNotFoundError:
        key = b""
    if key:
        return key
    # There is none, or the disk was full when it was created.
    key = os.urandom(32)
    with open(file, "wb", opener=_private) as made:
        made.write(key)
    return key
