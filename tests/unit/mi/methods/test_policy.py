"""What operators do with policies."""

from dfks_rules.errors import Finding
from dfks_rules.operations.policies import PolicyRow
from tests.helpers.mi import error, result
from tests.helpers.operations import SINCE, MemoryOperations

BROKEN = Finding("p.yaml", 6, 12, "policy_unknown_fact", "unknown fact `x`")


async def test_policies_are_listed_with_their_revision() -> None:
    """The revision is in each decision, so the two can be compared."""
    answer = await result(MemoryOperations(), "policy:list")
    assert (answer["revision"], answer["policies"]) == (
        "5e1f",
        [{"file": "policies/default/policy.yaml", "policy": "default", "rules": 1}],
    )
    assert (answer["since"], answer["from"]) == (SINCE, "files")
    assert [row["revision"] for row in answer["history"]] == ["5e1e", "5e1f"]
    assert (answer["last_failure"], answer["shadow"]) == (None, None)


async def test_long_list_says_how_many_are_left() -> None:
    """Cut with a mark, not in silence."""
    operations = MemoryOperations()
    operations.policies.rows = (PolicyRow("policies/" + "x" * 200, "p", 1),) * 500
    answer = await result(operations, "policy:list")
    assert len(answer["policies"]) + answer["more"] == 500


async def test_reload_says_what_decides_now() -> None:
    """An operator knows at once whether anything changed."""
    answer = await result(MemoryOperations(), "policy:reload")
    assert answer == {"revision": "5e1f", "changed": False}


async def test_reload_of_broken_files_says_why_and_so_does_the_list() -> None:
    """Whoever looks later finds it, too."""
    operations = MemoryOperations()
    operations.policies.findings = [BROKEN]
    failed = await error(operations, "policy:reload")
    assert failed == {
        "code": 500,
        "message": "Invalid policies",
        "data": {"findings": [str(BROKEN)]},
    }
    listed = (await result(operations, "policy:list"))["last_failure"]
    assert listed == {"at": SINCE, "trigger": "operator", "findings": [str(BROKEN)]}


async def test_more_findings_than_a_reply_holds_are_counted() -> None:
    """A datagram has its limits."""
    operations = MemoryOperations()
    operations.policies.findings = [BROKEN._replace(message="x" * 300)] * 500
    data = (await error(operations, "policy:reload"))["data"]
    assert len(data["findings"]) + data["more"] == 500
    failure = (await result(operations, "policy:list"))["last_failure"]
    assert len(failure["findings"]) + failure["more"] == 500


async def test_rollback_goes_to_the_revision_before_or_to_a_named_one() -> None:
    """In a hurry nobody wants to look up a hash."""
    expected = {"revision": "5e1e", "changed": True}
    assert await result(MemoryOperations(), "policy:rollback") == expected
    assert await result(MemoryOperations(), "policy:rollback", ["5e1e"]) == expected
    failed = await error(MemoryOperations(), "policy:rollback", ["beef"])
    assert failed == {"code": 404, "message": "No such revision", "data": "`beef` is not in memory"}


async def test_shadow_is_started_shown_and_stopped() -> None:
    """One method for the life of a comparison."""
    operations = MemoryOperations()
    assert await result(operations, "policy:shadow") is None
    started = await result(operations, "policy:shadow", ["candidate"])
    assert (started["revision"], started["different"]) == ("5e20", {"get": 1})
    assert await result(operations, "policy:shadow") == started
    assert len(started["samples"]) == 1
    listed = (await result(operations, "policy:list"))["shadow"]
    assert listed == {key: value for key, value in started.items() if key != "samples"}
    assert await result(operations, "policy:shadow", ["off"]) == "OK"
    assert await result(operations, "policy:shadow") is None


async def test_shadow_that_cannot_be_used_says_why() -> None:
    """Like a reload."""
    failed = await error(MemoryOperations(), "policy:shadow", ["gone"])
    assert failed["data"] == {"findings": ["gone: is not there [policy_unreadable]"]}


def _operations() -> MemoryOperations:
    operations = MemoryOperations()
    operations.records = [
        {"id": f"ab-{number}", "given": {"presentity": f"sip:{name}@example.com"}}
        for number, name in enumerate(["alice", "bob"])
    ]
    return operations


async def test_decisions_are_told_for_all_or_one_presentity() -> None:
    """What support asks first."""
    every = await result(_operations(), "policy:decisions")
    assert [one["id"] for one in every["decisions"]] == ["ab-0", "ab-1"]
    bobs = await result(_operations(), "policy:decisions", {"presentity": "bob@example.com"})
    assert [one["id"] for one in bobs["decisions"]] == ["ab-1"]


async def test_decisions_are_listed_page_by_page() -> None:
    """By the same parameters as subscriptions; `*` is everybody."""
    operations = _operations()
    operations.records = operations.records * 5
    first = await result(operations, "policy:decisions", ["*", 0, 4])
    assert (len(first["decisions"]), first["more"], first["next_offset"]) == (4, 6, 4)
    rest = await result(operations, "policy:decisions", ["*", first["next_offset"]])
    assert rest == {"decisions": operations.records[4:]}
    bobs = {"presentity": "bob@example.com", "offset": "3", "limit": "1"}
    page = await result(operations, "policy:decisions", bobs)
    assert ([one["id"] for one in page["decisions"]], page["more"]) == (["ab-1"], 1)
    past = await result(operations, "policy:decisions", ["*", 99])
    assert past == {"decisions": []}
    for limit in ("0", "501", "x"):
        assert (await error(operations, "policy:decisions", ["*", 0, limit]))["code"] == -32602


async def test_a_check_says_what_a_reload_would_bring() -> None:
    """Before anybody is hit."""
    operations = MemoryOperations()
    assert await result(operations, "policy:check") == {"revision": "5e20", "changed": True}
    operations.policies.findings = [BROKEN]
    assert (await error(operations, "policy:check"))["data"] == {"findings": [str(BROKEN)]}
    assert (await result(operations, "policy:list"))["last_failure"] is None


async def test_decisions_are_explained_by_id_or_presentity() -> None:
    """An id has no `@`."""
    for which in ("ab-1", "sip:bob@example.com"):
        explained = await result(_operations(), "policy:explain", {"which": which})
        assert explained == await result(_operations(), "dfks:explain", [which])
        assert [one["record"]["id"] for one in explained["decisions"]] == ["ab-1"]


async def test_a_decision_that_is_not_kept_is_not_found() -> None:
    """It is too old, or of another server."""
    assert await error(_operations(), "policy:explain", {"which": "ab-9"}) == {
        "code": 404,
        "message": "No such decision",
    }


async def test_many_decisions_say_how_many_are_left() -> None:
    """A datagram holds so much."""
    operations = _operations()
    operations.records = operations.records * 600
    answer = await result(operations, "policy:decisions")
    assert len(answer["decisions"]) + answer["more"] == 1200
    explained = await result(operations, "policy:explain", {"which": "ab-1"})
    assert len(explained["decisions"]) + explained["more"] == 600


async def test_what_time_will_change_is_asked_for_so_many_hours_ahead() -> None:
    """Two days, where nobody says otherwise."""
    asked = {"presentity": "sip:alice@example.com"}
    [change] = (await result(_operations(), "policy:next", asked))["changes"]
    assert (change["cause"], change["rule"]) == ("expire", "p/two-hours")
    assert await result(_operations(), "policy:next", asked | {"hours": 1}) == {"changes": []}
    for hours in (0, 745, "x"):
        assert (await error(_operations(), "policy:next", asked | {"hours": hours}))[
            "code"
        ] == -32602
