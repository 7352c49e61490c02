"""A presentity is deleted."""

from pathlib import Path

from dfks_rules.model.features import NOTHING_STORED, Snapshot
from dfks_rules.web.tokens import TokenFile
from tests.helpers.operations import KEPT_TARGET, MemoryOperations
from tests.helpers.policy import ALICE, CFA, DND, ON
from tests.helpers.states import forwarding
from tests.helpers.web import api, token_file

_PATH = "/v1/presentities/sip:alice@example.com"


def _stored(target: str = "+4930") -> MemoryOperations:
    operations = MemoryOperations()
    one = NOTHING_STORED.replace(DND, ON).replace(CFA, forwarding(False, target))
    operations.states[ALICE] = one
    return operations


async def test_all_features_are_off_and_their_values_forgotten() -> None:
    """Whoever does it stands in the journal; once more changes nothing."""
    operations = _stored()
    async with api(operations) as web:
        got = await web.ask("DELETE", _PATH)
        assert (got.status, got.headers["ETag"], got.json["revision"]) == (200, '"3"', 3)
        assert [one["feature"] for one in got.json["results"]] == [
            "DoNotDisturb",
            "CallForwardingAlways",
        ]
        assert operations.states[ALICE] == Snapshot(3, NOTHING_STORED.states)
        again = await web.ask("DELETE", _PATH)
    assert (again.status, again.json["results"], again.json["revision"]) == (200, [], 3)
    assert operations.actors == ["api", "api"]


async def test_a_policy_may_refuse_and_then_nothing_changes() -> None:
    """As it may refuse a set."""
    operations = _stored(KEPT_TARGET)
    before = operations.states[ALICE]
    async with api(operations) as web:
        got = await web.ask("DELETE", _PATH)
    assert (got.status, got.kind, got.json["reason"]) == (403, "refused-by-policy", "kept")
    assert operations.states[ALICE] == before


async def test_whoever_has_seen_another_revision_deletes_nothing(tmp_path: Path) -> None:
    """Nor does whoever does not see the domain."""
    operations = _stored()
    tokens = token_file(tmp_path, other=(["features:write"], ["other.example"]))
    async with api(operations) as web:
        assert (await web.ask("DELETE", _PATH, If_Match='"1"')).kind == "changed-meanwhile"
    async with api(operations, TokenFile(tmp_path / "tokens.json")) as web:
        web.token = tokens["other"]
        assert (await web.ask("DELETE", _PATH)).status == 404
    assert operations.states[ALICE].revision == 2
