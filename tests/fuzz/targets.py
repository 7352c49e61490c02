"""What strangers can send, each as a function of bytes that raises when something is wrong.

Wrong is: an exception that is not declared, two readings of the same bytes that differ, an output
that is broken, or an input that takes too long.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable

from dfks_rules.config.load import _Draft
from dfks_rules.config.schema import find_mistakes
from dfks_rules.csta.multipart import split
from dfks_rules.csta.parse import parse
from dfks_rules.csta.xml import _read_any, _read_flat
from dfks_rules.errors import MalformedMessageError, PolicyError
from dfks_rules.mi.framing import FifoFraming
from dfks_rules.policy.deciding.compiled import compile_policies
from dfks_rules.policy.deciding.policy_set import PolicySet
from dfks_rules.policy.reading.source import Source
from dfks_rules.sip.address import parse_address, tag_of
from dfks_rules.sip.digest import MAX_CREDENTIALS, Credentials, _parse_several, parse_credentials
from dfks_rules.sip.flow import Flow, Listener
from dfks_rules.sip.grammar import blank_quotes, parse_params, split_list
from dfks_rules.sip.lines import split_head, split_unusual_head
from dfks_rules.sip.message import (
    MAX_HEAD,
    Request,
    Response,
    parse_message,
)
from dfks_rules.sip.stream import MAX_MESSAGE, StreamReader
from dfks_rules.sip.stun import binding_answer
from dfks_rules.sip.uri import aor_of, parse_uri
from dfks_rules.sip.via import lone_branch, parse_via
from dfks_rules.yaml.tree import read_tree
from tests.helpers.mi import dispatcher
from tests.helpers.playbook import FLOW, TYPE, Playbook, default_policies
from tests.helpers.wire import is_taken, is_value_taken

Target = Callable[[bytes], None]
SLOW = 0.2
"""CPU seconds for one input: interpreted and instrumented, on a busy machine. An input of 8 KiB
takes milliseconds."""
_REFUSED = (MalformedMessageError,)
_SECURE = Flow(Listener("tls", "192.0.2.1", 5061), ("192.0.2.7", 5062))


def wire(data: bytes) -> None:
    """A datagram: what is sent back is whole messages, and none of them raises."""
    book = _book()
    for flow in (FLOW, _SECURE):
        if binding_answer(data, flow.remote) is not None and not flow.listener.reliable:
            book.endpoint.receive(data, flow, book.now)
            book.raw()
            continue
        for sent in book.receive(data, flow):
            if not sent.status:
                book.answer(sent)
    book.pass_time(1.0)


def dialog(data: bytes) -> None:
    """Two messages, the second in the dialog that the first made."""
    first, _, second = data.partition(b"\0\0")
    book = _book()
    tag = b""
    for sent in book.receive(first):
        if sent.status == 200:
            tag = sent.headers[b"To"].rpartition(b";tag=")[2]
    book.receive(second.replace(b"TAG", tag))
    book.pass_time(700.0)


def _book() -> Playbook:
    return Playbook(_policies())


_KEPT: list[PolicySet] = []


def _policies() -> PolicySet:
    """Compiled once: it takes longer than a thousand inputs."""
    if not _KEPT:
        _KEPT.append(default_policies())
    return _KEPT[0]


def framing(data: bytes) -> None:
    """A stream gives the same messages however it was cut."""
    whole, cut = StreamReader(), StreamReader()
    at_once = whole.feed(data)
    size = 1 + data[0] % 7 if data else 1
    piecemeal = [
        one
        for position in range(0, len(data), size)
        for one in cut.feed(data[position : position + size])
    ]
    known = len(at_once) - whole.broken
    assert piecemeal[:known] == at_once[:known]
    assert whole.broken == cut.broken
    assert all(len(one) <= MAX_MESSAGE for one in at_once[:known])


def grammar(data: bytes) -> None:
    """Header values; what is read twice is read alike."""
    assert len(blank_quotes(data)) == len(data)
    split_list(data)
    parse_params(data)
    tag_of(data)
    via = parse_via(data)
    branch = lone_branch(data)
    if via is not None and branch is not None and b"\n" not in data:
        assert via.branch == branch
    with contextlib.suppress(*_REFUSED):
        assert parse_address(data, b"from").tag == tag_of(data)
    with contextlib.suppress(*_REFUSED):
        aor_of(parse_uri(data))
    is_value_taken(data)  # C, where it is compiled, agrees with Python.


def stun(data: bytes) -> None:
    """A keep-alive of RFC 5626 over UDP."""
    for source in (("192.0.2.7", 5062), ("2001:db8::7", 5062)):
        answer = binding_answer(data, source)
        # Whoever forges the source must not gain by it.
        assert answer is None or len(answer) <= len(data) + 64


def message(data: bytes) -> None:
    """A message alone: it is read as it is there; the quick ways and the long one agree."""
    found = parse_message(data)
    head = data.lstrip(b"\r\n").partition(b"\r\n\r\n")[0]
    quick = split_head(head)
    if quick is not None and quick[2] is None and len(head) <= MAX_HEAD:
        assert quick == split_unusual_head(head)
    if isinstance(found, Response):
        assert found.branch in data.replace(b"\r\n", b"")
        assert 100 <= found.status <= 699
    elif isinstance(found, Request) and found.fault is None:
        assert found.via is not None
        assert len(found.body) <= len(data)
        assert all(b"\n" not in value and b"\r" not in value for value in found.headers.values())
    is_taken(data)  # C, where it is compiled, agrees with Python.


def digest(data: bytes) -> None:
    """Authorization; the quick way and the long one agree."""
    quick, long = _credentials(parse_credentials, data), _credentials(_parse_several, data)
    if len(data) <= MAX_CREDENTIALS:
        assert quick == long


_FIELDS = ("algorithm", "username", "realm", "nonce", "uri", "cnonce", "nc", "response")


def _credentials(
    parse_: Callable[[bytes], list[Credentials]], data: bytes
) -> list[tuple[object, ...]] | None:
    try:
        return [tuple(getattr(one, name) for name in _FIELDS) for one in parse_(data)]
    except MalformedMessageError:
        return None


def xml(data: bytes) -> None:
    """A document; expat reads what the quick way reads."""
    flat = _read_flat(data)
    try:
        read_ = _read_any(data)
    except MalformedMessageError:
        assert flat is None
    else:
        assert flat is None or flat == read_
    with contextlib.suppress(*_REFUSED):
        parse(TYPE.decode(), data)


def multipart(data: bytes) -> None:
    """Content-Type in the first line, the body after it."""
    content_type, _, body = data.partition(b"\n")
    kind = content_type.decode("latin-1")
    with contextlib.suppress(*_REFUSED):
        parse(kind, body)
    with contextlib.suppress(*_REFUSED):
        for _, part in split(kind, body):
            assert part in body


def fifo(data: bytes) -> None:
    """MI over a FIFO: nothing is lost or invented, however it came."""
    size = 1 + data[0] % 64 if data else 1
    reader = FifoFraming()
    found = []
    for position in range(0, len(data), size):
        found += reader.receive(data[position : position + size])
    found += reader.flush()
    assert not reader.has_unfinished
    assert sum(len(one.body) for one in found) <= len(data)


def mi(data: bytes) -> None:
    """MI over HTTP and datagrams: a reply is JSON, and no call fails by a bug of ours."""
    reply = asyncio.run(dispatcher().answer(data, 65_507))
    if reply is not None:
        assert b'"Internal error"' not in reply, reply
        json.loads(reply)


def settings(data: bytes) -> None:
    """dfks.yaml."""
    with contextlib.suppress(UnicodeDecodeError):
        tree, findings = read_tree("dfks.yaml", data.decode(), "config")
        assert (tree is None) == bool(findings)
        if tree is not None:
            draft = _Draft(tree, {})
            for mistake in find_mistakes(draft.values):
                assert draft.finding(mistake).line > 0


def policy(data: bytes) -> None:
    """A policy file, of an author who is a stranger, too."""
    with contextlib.suppress(PolicyError, UnicodeDecodeError):
        compile_policies([Source("p.yaml", data.decode())])


TARGETS: dict[str, Target] = {
    target.__name__: target
    for target in (
        wire, dialog, framing, grammar, stun, message, digest, xml, multipart, fifo, mi, settings,
        policy,
    )
}  # fmt: skip


class SlowError(AssertionError):
    """An input took too long."""


def check(name: str, data: bytes) -> None:
    """Give one input to a target.

    Raises:
        SlowError: it took more than `SLOW` seconds of CPU time, three times.
        Exception: anything else is a finding, too.
    """
    target = TARGETS[name]
    for _ in range(3):
        begin = time.process_time()
        target(data)
        if time.process_time() - begin < SLOW:
            return
    raise SlowError(f"{len(data)} bytes take more than {SLOW} s")
