"""JSON-RPC 2.0 without any transport."""

import json

import pytest

from dfks_rules.mi.errors import INVALID_REQUEST, PARSE_ERROR, TOO_LARGE, CallError
from dfks_rules.mi.jsonrpc import MAX_BATCH, MAX_REQUEST, Call, Reply, parse, render


def _only_error(data: bytes) -> CallError:
    (item,) = parse(data).items
    assert isinstance(item, Reply)
    assert item.error is not None
    return item.error


def test_call_of_opensips_cli_is_understood() -> None:
    """These are the bytes that operators' tools send."""
    data = b'{"jsonrpc": "2.0", "id": "11948", "method": "which", "params": {}}'
    assert parse(data).items == (Call("which", {}, "11948", is_notification=False),)


def test_call_without_params_has_none() -> None:
    """JSON-RPC 2.0 §4: params may be omitted."""
    assert parse(b'{"jsonrpc":"2.0","id":1,"method":"ps"}').items == (
        Call("ps", {}, 1, is_notification=False),
    )


def test_call_without_id_is_a_notification_and_null_is_an_id() -> None:
    """JSON-RPC 2.0 §4.1: only a missing id asks for no reply."""
    (without,) = parse(b'{"jsonrpc":"2.0","method":"ps"}').items
    (null,) = parse(b'{"jsonrpc":"2.0","method":"ps","id":null}').items
    assert isinstance(without, Call)
    assert without.is_notification
    assert isinstance(null, Call)
    assert not null.is_notification


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", b"{", b"\xff{}", b'{"a":NaN}', b"[" * 60_000, b"9" * 5_000, b'"\xed\xa0\x80"'],
)
def test_bytes_that_are_no_json_are_a_parse_error(data: bytes) -> None:
    """Each must be told to the client; a bare string kills an OpenSIPS process."""
    assert _only_error(data).code == PARSE_ERROR


@pytest.mark.parametrize(
    "data",
    [
        b'"which"',
        b"1",
        b"null",
        b"[]",
        b"{}",
        b'{"jsonrpc":"2.0","id":1}',
        b'{"jsonrpc":"2.0","id":1,"method":5}',
        b'{"jsonrpc":"1.0","id":1,"method":"ps"}',
        b'{"id":1,"method":"ps"}',
        b'{"jsonrpc":"2.0","id":1,"method":"ps","params":"x"}',
        b'{"jsonrpc":"2.0","id":1,"method":"ps","params":null}',
        b'{"jsonrpc":"2.0","id":{},"method":"ps"}',
        b'{"jsonrpc":"2.0","id":true,"method":"ps"}',
        b'{"jsonrpc":"2.0","id":1e999,"method":"ps"}',
    ],
)
def test_json_that_is_no_call_is_an_invalid_request(data: bytes) -> None:
    """JSON-RPC 2.0 §5.1; the table in docs/reference/mi.md."""
    assert _only_error(data).code == INVALID_REQUEST


def test_request_one_byte_too_long_is_refused() -> None:
    """Requests are bounded, and the limit itself still fits."""
    padding = b" " * MAX_REQUEST
    call = b'{"jsonrpc":"2.0","id":1,"method":"ps"}'
    assert isinstance(parse((call + padding)[:MAX_REQUEST]).items[0], Call)
    assert _only_error((call + padding)[: MAX_REQUEST + 1]).code == TOO_LARGE


def test_batch_keeps_its_order_and_its_bad_members() -> None:
    """JSON-RPC 2.0 §6: one bad member does not spoil the others."""
    request = parse(b'[1, {"jsonrpc":"2.0","id":2,"method":"ps"}]')
    assert request.is_batch
    assert [type(item) for item in request.items] == [Reply, Call]


def test_batch_of_too_many_calls_is_refused_as_a_whole() -> None:
    """One request must not hold the server for long."""
    call = {"jsonrpc": "2.0", "id": 1, "method": "ps"}
    assert len(parse(json.dumps([call] * MAX_BATCH).encode()).items) == MAX_BATCH
    assert _only_error(json.dumps([call] * (MAX_BATCH + 1)).encode()).code == INVALID_REQUEST


def test_replies_are_compact_and_in_the_order_of_opensips() -> None:
    """Some tools compare or cut text."""
    assert render([Reply("7", "OK")], is_batch=False) == b'{"jsonrpc":"2.0","result":"OK","id":"7"}'
    failed = Reply(7, None, CallError(400, "Unknown feature"))
    assert (
        render([failed], is_batch=False)
        == b'{"jsonrpc":"2.0","error":{"code":400,"message":"Unknown feature"},"id":7}'
    )


def test_batch_of_notifications_gets_no_reply() -> None:
    """JSON-RPC 2.0 §6: not even an empty array."""
    assert render([], is_batch=True) is None


def test_half_a_surrogate_pair_in_an_id_comes_back() -> None:
    """UTF-8 cannot carry it, so it has to stay escaped."""
    (call,) = parse(b'{"jsonrpc":"2.0","id":"\\ud800","method":"ps"}').items
    assert render([Reply(call.id, 1)], is_batch=False) == (
        b'{"jsonrpc":"2.0","result":1,"id":"\\ud800"}'
    )
