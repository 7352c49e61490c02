"""Which message led to a decision."""

from dfks_rules.model.identity import Aor
from dfks_rules.model.requests import Origin, Requester
from dfks_rules.tracing.asks import MAX_ASKS, Asks
from dfks_rules.tracing.parties import Parties
from tests.helpers.playbook import FLOW

ALICE = Aor("alice", "example.com")
BOB = Aor("bob", "example.com")


def _parties(call_id: bytes, user: Aor = ALICE, agent: bytes = b"") -> Parties:
    return Parties(call_id, frozenset([user]), agent)


def _phone(source: str | None = "192.0.2.7", agent: str | None = None) -> Requester:
    return Requester(Origin.WATCHER, ALICE, user_agent=agent, source_ip=source)


def test_the_newest_request_about_the_presentity_is_found() -> None:
    """By the address that it came from."""
    asks = Asks()
    for call_id, user in ((b"1", ALICE), (b"2", ALICE), (b"3", BOB)):
        asks.note(_parties(call_id, user), FLOW)
    found = asks.find(ALICE, _phone())
    assert found is not None
    assert (found.call_id, found.flow) == ("2", FLOW)


def test_another_address_or_phone_asked_something_else() -> None:
    """Better no Call-ID than a wrong one."""
    asks = Asks()
    asks.note(_parties(b"1", agent=b"Snom"), FLOW)
    assert asks.find(ALICE, _phone("192.0.2.8")) is None
    assert asks.find(ALICE, _phone(agent="Yealink")) is None
    assert asks.find(BOB, _phone(agent="Snom")) is None
    assert asks.find(ALICE, _phone(agent="Snom")) is not None


def test_an_operator_did_not_ask_by_sip() -> None:
    """Nor does what follows from another set."""
    asks = Asks()
    asks.note(_parties(b"1"), FLOW)
    assert asks.find(ALICE, Requester(Origin.OPERATOR)) is None


def test_the_oldest_is_forgotten_first() -> None:
    """Whatever comes, the memory is bounded."""
    asks = Asks()
    asks.note(_parties(b"0"), FLOW)
    for number in range(MAX_ASKS):
        asks.note(_parties(b"1", Aor(f"u{number}", "h")), FLOW)
    assert asks.find(ALICE, _phone()) is None
    assert asks.find(Aor("u0", "h"), _phone()) is not None
