"""The rules in force over HTTP."""

from pathlib import Path

import pytest

from dfks_rules.operations.decisions import Uses
from dfks_rules.operations.policies import RuleRow
from dfks_rules.web.api.rules import MAX_RULES
from dfks_rules.web.binding import check
from dfks_rules.web.schemas import ref
from dfks_rules.web.tokens import TokenFile
from tests.helpers.operations import RULES, MemoryOperations
from tests.helpers.web import api, token_file


async def test_rules_are_listed_with_what_became_of_them() -> None:
    """Those that never matched, too: it is what an author looks for."""
    operations = MemoryOperations()
    async with api(operations) as door:
        got = await door.ask("GET", "/v1/policies/rules")
    assert got.status == 200
    check("rules", ref("Rules"), got.json)
    assert (got.json["revision"], got.json["since"], got.json["decisions"]) == ("5e1f", None, 0)
    premium, night = got.json["rules"]
    assert (premium["rule"], premium["says"]) == ("no-fraud/premium", ["deny"])
    assert (premium["matched"], premium["decided"], premium["last"]) == (0, 0, None)
    (schedule,) = night["schedules"]
    assert schedule["hours"] == [{"day": 0, "start": 1320, "end": 1800, "weeks": "every"}]


async def test_many_rules_are_not_all_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer stays small enough to be read."""
    operations = MemoryOperations()
    one: RuleRow = RULES[0]
    monkeypatch.setattr(operations, "rules", lambda: [one] * (MAX_RULES + 3))
    async with api(operations) as door:
        got = await door.ask("GET", "/v1/policies/rules")
    assert (len(got.json["rules"]), got.json["more"]) == (MAX_RULES, 3)


async def test_rules_are_those_of_the_revision_that_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Others may be in force by the time that decisions are counted."""
    operations = MemoryOperations()

    async def uses(_revision: str, _domains: frozenset[str] | None) -> Uses:
        monkeypatch.setattr(operations, "rules", lambda: ())
        return Uses(None, 0, {})

    monkeypatch.setattr(operations.decisions, "uses", uses)
    async with api(operations) as door:
        got = await door.ask("GET", "/v1/policies/rules")
    assert len(got.json["rules"]) == len(RULES)


async def test_a_token_of_a_domain_sees_the_rules_of_its_tenant(tmp_path: Path) -> None:
    """Not those of others, not those that are for all, and not where on the server they are."""
    scopes = ["policies:read"]
    tokens = token_file(
        tmp_path, a=(scopes, ["a.example"]), b=(scopes, ["b.example"]), other=(["bulk"], [])
    )
    async with api(MemoryOperations(), TokenFile(tmp_path / "tokens.json")) as door:
        seen, files = {}, []
        for name in ("a", "b"):
            door.token = tokens[name]
            got = await door.ask("GET", "/v1/policies/rules")
            seen[name] = [one["rule"] for one in got.json["rules"]]
            files += [one["file"] for one in got.json["rules"]]
        door.token = tokens["other"]
        assert (await door.ask("GET", "/v1/policies/rules")).kind == "scope-missing"
    assert seen == {"a": ["hours/night"], "b": []}
    assert files == ["tenants/a.example/hours.yaml"]
