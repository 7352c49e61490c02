"""What is in the row of a subscription."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfks_rules.model.identity import Aor, AuthMethod, Identity
from dfks_rules.presence import rows
from tests.helpers.digest import incoming
from tests.helpers.playbook import FLOW, message

_TEXT = st.text(st.characters(blacklist_categories=["Cs"]), max_size=8)
_IDENTITIES = st.builds(Identity, st.builds(Aor, _TEXT, _TEXT), st.sampled_from(AuthMethod), _TEXT)


@given(st.none() | _IDENTITIES, st.none() | _TEXT)
def test_a_message_is_read_as_it_was_kept(identity: Identity | None, device: str | None) -> None:
    """Whatever its user and its device are called."""
    request = incoming(message())
    source, head = rows.read_message(rows.message_of(request, identity, device))
    assert head == request.request.head
    assert source == rows.Source("udp", "192.0.2.1", 5060, FLOW.remote, identity, device)


def test_credentials_are_not_kept() -> None:
    """What proves a password is nobody's business later."""
    secret = b'Digest username="alice",\r\n response="secret"'
    request = incoming(message(authorization=secret, proxy_authorization=secret, x=b"y"))
    kept = rows.message_of(request, None, None)
    assert b"secret" not in kept
    assert kept.endswith(b"\r\nx: y")


@pytest.mark.parametrize(
    "kept",
    [
        b"",
        b"udp\t1\tport\t3\t4\r\nSUBSCRIBE",
        b"udp\t1\t2\t3\t4\tno-method\ta\tb\tc\r\n",
        b"udp\t1\t2\t3\t4\t\t\\x\t\t\r\n",
        b"\xff\r\n",
    ],
)
def test_what_is_not_ours_is_said_to_be(kept: bytes) -> None:
    """A row is a file's, and files are edited."""
    with pytest.raises(rows.UnreadableError):
        rows.read_message(kept)


@given(
    st.lists(st.tuples(st.integers(0, 5_000), st.integers(1, 3)), max_size=8),
    st.integers(1, 1_000),
)
def test_cseq_rises_over_any_sequence_of_lives(lives: list[tuple[int, int]], term: int) -> None:
    """Whatever each has sent since it reserved, which it does in the middle of a term at least."""
    cseq, highest = 0, 0
    base = rows.base_of(cseq, term)
    for sent, skipped in lives:
        for _ in range(sent):
            cseq += 1
            assert cseq > highest
            highest = cseq
            if rows.begins_to_reserve(cseq):
                base = rows.base_of(cseq, term)
        term += skipped
        cseq = rows.local_cseq_of(base, term)


def test_there_is_an_end_of_terms() -> None:
    """RFC 3261 §8.1.1.5: a CSeq is below 2³¹."""
    assert rows.local_cseq_of(0, 2**20 - 1) < 2**31
    for base in (1, -(2**20)):
        with pytest.raises(rows.UnreadableError):
            rows.local_cseq_of(base, 2**20 - 1)


def test_flags_and_the_time_of_writing_go_together() -> None:
    """In one number."""
    flags = rows.with_time(rows.OWED | rows.ONE_SHOT, 1_700_000_000.9)
    assert flags & 255 == rows.OWED | rows.ONE_SHOT
    assert rows.written_at(flags) == 1_700_000_000.0
    assert rows.written_at(rows.with_time(flags, 5.0)) == 5.0


@pytest.mark.parametrize(
    ("kept", "position"), [(b"udp\t", 0), (b"tcp\t", 1), (b"tls\tx", 2), (b"", 0), (b"sctp\t", 0)]
)
def test_transport_of_a_row_is_seen_without_reading_it(kept: bytes, position: int) -> None:
    """100,000 rows are counted when they are loaded; one that is spoilt counts somewhere, too."""
    assert rows.position_of(kept) == position
