"""Entries of a trace as JSON, and back."""

import base64
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from dfks_rules.tracing.entries import Address, Decided, Direction, Entry, JsonObject, Message


def dumps(value: JsonObject) -> bytes:
    """JSON on one line, UTF-8."""
    return orjson.dumps(value)


def entry_json(entry: Entry) -> dict[str, Any]:
    """One entry; `kind` says which it is."""
    return message_json(entry) if isinstance(entry, Message) else decided_json(entry)


def message_json(message: Message) -> dict[str, Any]:
    """A message, as `message` where it is UTF-8, else as `base64`."""
    told: dict[str, Any] = {
        "kind": "message",
        "at": _at(message.at),
        "direction": message.direction.value,
        "transport": message.transport,
        "local": address_text(message.local),
        "remote": address_text(message.remote),
        "callId": _text(message.call_id),
        "length": message.length,
    }
    try:
        told["message"] = message.data.decode()
    except UnicodeDecodeError:
        told["base64"] = base64.b64encode(message.data).decode()
    return told


def decided_json(decided: Decided) -> dict[str, Any]:
    """What was decided on one request."""
    told: dict[str, Any] = {
        "kind": "decision",
        "at": _at(decided.at),
        "callId": _text(decided.call_id),
        "presentity": decided.presentity,
        "watcher": decided.watcher,
        "origin": decided.origin,
        "decisions": list(decided.decisions),
    }
    if decided.actor:
        told["actor"] = decided.actor
    if decided.failure:
        told["failure"] = decided.failure
    return told


def entry_from(told: Mapping[str, Any]) -> Entry:
    """The entry that `entry_json` gave.

    Raises:
        KeyError, ValueError: it is none.
    """
    at = datetime.fromisoformat(told["at"]).timestamp()
    call_id = told["callId"] or ""
    if told["kind"] == "decision":
        return Decided(
            at,
            call_id,
            told["presentity"],
            told["watcher"],
            told["origin"],
            tuple(told["decisions"]),
            told.get("failure", ""),
            told.get("actor"),
        )
    data = told["message"].encode() if "message" in told else base64.b64decode(told["base64"])
    return Message(
        at,
        Direction(told["direction"]),
        told["transport"],
        _address(told["local"]),
        _address(told["remote"]),
        call_id,
        data,
        told["length"],
    )


def address_text(address: Address) -> str:
    """`host:port`, IPv6 in brackets."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def _at(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="microseconds")


def _text(text: str) -> str | None:
    return text or None
