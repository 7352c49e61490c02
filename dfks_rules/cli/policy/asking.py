"""The requests for `eval`, `explain` and `try`: facts in files or on the command line, or SIP."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from dfks_rules.errors import DfksError, Finding, MalformedMessageError, PolicyError
from dfks_rules.model.features import NOTHING_STORED, Feature, Snapshot
from dfks_rules.model.requests import FeatureRequest, Operation
from dfks_rules.policy.facts.fact import Kind
from dfks_rules.policy.facts.facts import fact_named
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.reading.source import Source
from dfks_rules.policy.studying.given_files import parse_given
from dfks_rules.presence.admission import Wish, check_request, event_of, wish_of
from dfks_rules.presence.package import Limits
from dfks_rules.presence.responses import RefusedError
from dfks_rules.sip import header
from dfks_rules.sip.endpoint import Endpoint
from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.sip.incoming import Incoming
from dfks_rules.sip.message import Request, parse_message
from dfks_rules.yaml.tree import MAX_BYTES

_F = TypeVar("_F", bound=Callable[..., Any])
_INTEGER = re.compile(r"[0-9]{1,4}")
_BARE = {Kind.STATUS: _INTEGER, Kind.COUNT: _INTEGER, Kind.FLAG: re.compile("true|false")}
"""Type of a fact → values that are written without quotes."""

_FACTS_OPTION = click.option(
    "--facts",
    "facts_file",
    type=click.File("rb"),
    help="Facts of the request, as `given` in cases; YAML or JSON, `-` for standard input.",
)
_FACT_OPTION = click.option(
    "--fact", "facts", multiple=True, metavar="NAME=VALUE", help="One fact; overrides --facts."
)


def fact_options(function: _F) -> _F:
    """Adds `--facts` and `--fact`."""
    return _FACTS_OPTION(_FACT_OPTION(function))


def sources_of(facts_file: Any, facts: Sequence[str]) -> list[Source]:
    """The facts in files and on the command line, as sources.

    Raises:
        PolicyError: the file cannot be read.
    """
    sources = []
    if facts_file is not None:
        name = getattr(facts_file, "name", "<stdin>")
        try:
            text = facts_file.read(MAX_BYTES + 1).decode()
        except UnicodeDecodeError as error:
            message = "cannot read the facts: they are not UTF-8"
            finding = Finding(name, 0, 0, "policy_unreadable", message)
            raise PolicyError([finding]) from error
        sources.append(Source(name, text))
    if facts:
        sources.append(Source("--fact", "\n".join(map(fact_line, facts))))
    if not sources:
        message = "give the facts with --facts FILE or --fact NAME=VALUE"
        raise click.UsageError(message)
    return sources


def fact_line(fact: str) -> str:
    """`NAME=VALUE` as a line of YAML, the value written to suit the fact's type.

    `sales,export` is a list only if the fact holds names, `201` a number only if it holds one.

    Raises:
        click.UsageError: there is no `=`.
    """
    name, equals, value = fact.partition("=")
    if not equals or not name:
        message = f"`{fact}` is not NAME=VALUE"
        raise click.UsageError(message)
    known = fact_named(name)
    kind = Kind.TEXT if known is None else known.kind
    bare = _BARE.get(kind)
    if bare and bare.fullmatch(value):
        written = value
    else:
        names = value.split(",") if kind in (Kind.NAMES, Kind.NUMBERS) else value
        written = json.dumps(names, ensure_ascii=False)
    return f"{json.dumps(name, ensure_ascii=False)}: {written}"


def views_of_sip(
    data: bytes, stored: Snapshot, at: datetime, told_at: Callable[[str], Sequence[Feature]]
) -> list[View]:
    """What a SUBSCRIBE asks the policies: permission to subscribe, then its sets or a get of each.

    Each set sees the state that the sets before it ask for, assuming they are allowed.

    Args:
        data: the message as received from the wire.
        stored: what is stored for its presentity.
        at: when it arrives.
        told_at: the features that phones of a domain may be told of.

    Raises:
        MalformedMessageError: the server would refuse it without asking the policies.
    """
    wish = _wish_of(data)
    presentity, requester, asked = wish.presentity, wish.requester, wish.asked
    views = [View(FeatureRequest(Operation.SUBSCRIBE, presentity, requester), stored, at)]
    for one in asked:
        by = requester._replace(device=one.device)
        views.append(
            View(FeatureRequest(Operation.SET, presentity, by, one.feature, one.state), stored, at)
        )
        stored = stored.replace(one.feature, one.state)
    if not asked:
        views += [
            View(FeatureRequest(Operation.GET, presentity, requester, feature), stored, at)
            for feature in told_at(presentity.domain)
        ]
    return views


def stored_of(file: Any) -> Snapshot:
    """What is stored, from a file of facts such as `CallForwardingBusy.status: 1`."""
    return NOTHING_STORED if file is None else view_of_stored(file).snapshot


def view_of_stored(file: Any) -> View:
    """What is stored, from such a file, and the counts of members of groups that it gives."""
    subscribe = Source("--stored", "op: subscribe")
    return parse_given([subscribe, *(sources_of(file, ()) if file is not None else ())])


def read_sip(path: Path) -> bytes:
    """A SIP message from a file; editors write LF, but SIP headers require CRLF.

    Raises:
        DfksError: the file cannot be read.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DfksError("file_unreadable", f"cannot read {path}: {error.strerror}") from error
    head, empty, body = data.partition(b"\n\n")
    if b"\r\n" in data:
        return data
    text = head.rstrip(b"\n").replace(b"\n", b"\r\n") + b"\r\n\r\n" + (body if empty else b"")
    # In an edited file, the body ends where the file ends.
    return re.sub(rb"(?im)^(content-length|l)[ \t]*:.*\r\n", b"", text, count=1)


def _wish_of(data: bytes) -> Wish:
    """What the server would read from a message, using the code that serves it.

    Raises:
        MalformedMessageError: the server would refuse it, and why.
    """
    refused: list[str] = []
    endpoint: Endpoint[None] = Endpoint(
        lambda _flow, _message: None,
        lambda _call_id: b"",
        refused=lambda _incoming, status, reason: refused.append(f"{status} {reason.decode()}"),
    )
    # Where it came from is unknown.
    incoming = endpoint.receive(data, Flow(Listener(_transport_of(data), "", 0), ("", 0)), 0.0)
    if not isinstance(incoming, Incoming) or incoming.request.method != b"SUBSCRIBE":
        why = f": {refused[0]}" if refused else ""
        raise MalformedMessageError("sip_malformed_message", f"message is not a SIP SUBSCRIBE{why}")
    try:
        check_request(incoming.request)
        event_of(incoming.request)
        wish = wish_of(incoming, Limits())
    except RefusedError as error:
        message = f"the server would refuse it: {error.status} {error}"
        raise MalformedMessageError("sip_refused", message) from error
    requester = wish.requester._replace(source_ip=None)
    return Wish(wish.presentity, requester, wish.expires, wish.asked)


def _transport_of(data: bytes) -> str:
    """The transport in Via."""
    message = parse_message(data)
    via = message.value(header.VIA) if isinstance(message, Request) else b""
    top = via.partition(b",")[0].upper()
    return next((name for name in ("tcp", "tls") if b"/" + name.upper().encode() in top), "udp")
