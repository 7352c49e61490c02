"""No bytes make the management interface fail."""

import asyncio
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from dfks_rules.mi.errors import INTERNAL_ERROR
from dfks_rules.mi.framing import FifoFraming
from dfks_rules.mi.methods import REGISTRY
from tests.helpers.mi import dispatcher

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)
_CALLS = st.fixed_dictionaries(
    {"jsonrpc": st.just("2.0") | _JSON, "method": st.sampled_from(REGISTRY.names) | _JSON},
    optional={"id": _JSON, "params": _JSON | st.lists(_JSON, max_size=6)},
)


def _answer(data: bytes) -> Any:
    line = asyncio.run(dispatcher().answer(data))
    return None if line is None else json.loads(line)


@given(st.binary())
def test_any_bytes_are_answered(data: bytes) -> None:
    """Whatever comes in, a reply of JSON-RPC goes out."""
    reply = _answer(data)
    assert reply is None or isinstance(reply, list | dict)


@given(_CALLS)
def test_no_call_meets_a_bug(call: Any) -> None:
    """Internal error is for our own bugs; parameters must not cause it."""
    reply = _answer(json.dumps(call).encode())
    if isinstance(reply, dict) and "error" in reply:
        assert reply["error"]["code"] != INTERNAL_ERROR


@given(st.lists(st.binary(max_size=40) | st.sampled_from([b":a:{}", b'"', b"{", b"}", b":"])))
def test_any_pieces_are_framed_and_none_is_kept_forever(pieces: list[bytes]) -> None:
    """Also in what order or where they are cut."""
    framing = FifoFraming()
    for piece in pieces:
        framing.receive(piece)
    framing.flush()
    assert not framing.has_unfinished
