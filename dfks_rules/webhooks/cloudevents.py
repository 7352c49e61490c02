"""Events as CloudEvents 1.0 in structured JSON mode."""

import orjson

from dfks_rules.operations.events import GAP, Event
from dfks_rules.operations.times import time_told

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
TEST = "test"
"""Type of the event that only shows that an endpoint can be told."""


def type_of(type_: str) -> str:
    """`feature-changed` → `dfks.feature.changed.v1`."""
    return f"dfks.{type_.replace('-', '.')}.v1"


def id_of(event: Event, node: str) -> str:
    """What names an event wherever and however often it is sent.

    A change is named by the start of the server that stored it, which its decision names, and by
    its number in the journal: so it is after a restart, and another one after a restored backup.

    Args:
        event: a change, or a gap.
        node: what names the server, in all its lives.
    """
    if event.type == GAP:
        return f"{node}-gap-{event.seq}"
    # Changes that a restored backup has made were decided by nobody.
    start = event.data["decision"].partition("-")[0]
    return f"{start or node}-{event.seq}"


def body_of(event: Event, id_: str, node: str, at: float) -> bytes:
    """What is sent.

    Args:
        event: what happened.
        id_: its name.
        node: what names the server.
        at: when it happened, seconds since 1970.
    """
    told = {
        "specversion": "1.0",
        "id": id_,
        "source": f"urn:dfks:node:{node}",
        "type": type_of(event.type),
        "time": time_told(at),
        "datacontenttype": "application/json",
        "data": event.data,
    }
    if event.presentity is not None:
        told["subject"] = event.presentity.uri
    return orjson.dumps(told)
