"""The productions that headers share."""

import re
import time

import pytest

from dfks_rules.sip.grammar import HOST, PARAMS, QUOTED, blank_quotes, parse_params, split_list


@pytest.mark.parametrize(
    ("text", "params"),
    [
        (b"", {}),
        (b";a", {b"a": b""}),
        (b" ; A = B ;c", {b"a": b"B", b"c": b""}),
        (b";a=1;A=2", {b"a": b"1"}),
        (b';a="x;y=z";b=2', {b"a": b'"x;y=z"', b"b": b"2"}),
        (b";received=2001:db8::1", {b"received": b"2001:db8::1"}),
        (b";received=[2001:db8::1]", {b"received": b"[2001:db8::1]"}),
    ],
)
def test_parameters_are_read_by_name_the_first_one_counts(
    text: bytes, params: dict[bytes, bytes]
) -> None:
    """A second tag must not replace the one that the peer's own parser saw."""
    assert re.fullmatch(PARAMS, text)
    assert parse_params(text) == params


@pytest.mark.parametrize(
    ("value", "items"),
    [
        (b"", []),
        (b" , ,", []),
        (b"a, b ,c", [b"a", b"b", b"c"]),
        (b"<sip:a,b@c>, <sip:d>", [b"<sip:a,b@c>", b"<sip:d>"]),
        (b'"a, \\", b" <sip:c>,d', [b'"a, \\", b" <sip:c>', b"d"]),
        (b'a, "b, c', [b"a", b'"b, c']),
        (b"a, <b, c", [b"a", b"<b, c"]),
        (b'a, "b\\', [b"a", b'"b\\']),
    ],
)
def test_commas_in_quotes_and_brackets_do_not_split(value: bytes, items: list[bytes]) -> None:
    """Route sets with commas in user parts must survive."""
    assert split_list(value) == items


@pytest.mark.parametrize("host", [b"a.example", b"192.0.2.1", b"[2001:db8::1]", b"my_host"])
def test_hosts_of_the_field_are_hosts(host: bytes) -> None:
    """Also underscores, which no RFC allows."""
    assert re.fullmatch(HOST, host)


@pytest.mark.parametrize("host", [b"", b"-a", b"a b", b"[x]", b"[::1", b"a:1"])
def test_what_is_no_host_is_none(host: bytes) -> None:
    """It is written into Via again."""
    assert not re.fullmatch(HOST, host)


def test_a_quote_that_never_ends_does_not_match() -> None:
    """Possessive quantifiers: refused after one pass, however long it is."""
    assert not re.fullmatch(QUOTED, b'"' + b'\\"' * 8000)


@pytest.mark.parametrize("opener", [b'"', b"<", b'\\"', b'"<', b'<"'])
def test_a_list_of_what_is_never_closed_is_split_in_one_pass(opener: bytes) -> None:
    """16 KB of it once cost a second of CPU, in any method: the pieces are not scanned again."""
    value = b'"' + opener * (16_000 // len(opener))
    started = time.thread_time()
    assert b"".join(split_list(value)) == value
    assert len(blank_quotes(value)) == len(value)
    assert time.thread_time() - started < 0.1


@pytest.mark.parametrize(
    ("text", "blank"),
    [
        (b";a=1", b";a=1"),
        (b';a="x;y";b', b';a="   ";b'),
        (b';a="\\"";b="z"', b';a="  ";b=" "'),
        (b';a="x;b', b';a="  "'),
        (b'"', b'"'),
    ],
)
def test_quoted_strings_are_blanked_in_place(text: bytes, blank: bytes) -> None:
    """Positions stay what they were."""
    assert blank_quotes(text) == blank_quotes(blank) == blank
