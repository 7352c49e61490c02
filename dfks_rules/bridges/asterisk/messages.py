"""Messages of AMI: headers in lines, an empty line at the end."""

from collections.abc import Mapping

from dfks_rules.bridges.ports import SwitchRefusedError

Message = Mapping[str, str]
"""Name of a header → its value; of several, the last."""


def encoded(headers: Mapping[str, str]) -> bytes:
    """A message as it is sent.

    Raises:
        SwitchRefusedError: a value would end its line, and be a header of its own.
    """
    for value in headers.values():
        if not value.isprintable():
            message = f"{value!r} cannot be sent to Asterisk"
            raise SwitchRefusedError(message)
    return ("".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n").encode()


def decoded(block: bytes) -> Message:
    """A message as it was received; lines that are no header are left out."""
    lines = block.decode(errors="replace").split("\r\n")
    pairs = (line.partition(":") for line in lines)
    return {name: value.strip() for name, colon, value in pairs if colon}


def is_list(response: Message) -> bool:
    """Whether events follow a response, which belong to it."""
    return response.get("EventList", "").lower() == "start"


def ends_list(event: Message) -> bool:
    """Whether this is the last of those events."""
    return event.get("EventList", "").lower() in ("complete", "cancelled")
