"""The policies of a running server, and how they become others."""

import asyncio
import json
import threading
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from dfks_rules.app.desk.apart import Checker
from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.app.desk.reload import PolicyReloader
from dfks_rules.errors import DfksError, PolicyError
from dfks_rules.model.features import NOTHING_STORED
from dfks_rules.operations.events import Event
from dfks_rules.policy.deciding.compiled import CompiledPolicies
from dfks_rules.policy.facts.view import View
from dfks_rules.policy.site.site import Site
from dfks_rules.policy.studying.explain import explain
from tests.helpers.policy import ALICE, NOON, get, set_, source
from tests.helpers.reloads import reload_under_load, settings, write_tenants

RULE = "- id: r\n  when: {op: set}\n  then: {deny: WORD}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of policies; sets are refused for the reason `first`."""
    path = tmp_path / "policies"
    path.mkdir()
    write(path, "first")
    return path


def write(folder: Path, word: str, name: str = "p.yaml") -> None:
    """Sets are refused for this reason."""
    (folder / name).write_text(source(RULE.replace("WORD", word)).text)


async def started(folder: Path, checker: Checker | None = None) -> PolicyReloader:
    """The policies in the folder."""
    policies = PolicyReloader((folder,), settings(folder.parent), checker)
    await policies.start()
    return policies


def reason(policies: PolicyReloader) -> str | None:
    """Why a set is refused."""
    denial = policies.live.decide(set_(), NOTHING_STORED, NOON).denial
    return denial.reason if denial else None


async def test_reload_takes_what_changed_and_says_when_nothing_did(folder: Path) -> None:
    """Touching a file is no change."""
    policies = await started(folder)
    first = policies.live.active.revision
    (folder / "p.yaml").touch()
    assert await policies.reload("operator") == (first, False)
    write(folder, "second")
    activation = await policies.reload("operator")
    assert activation == (policies.live.active.revision, True)
    assert reason(policies) == "second"
    assert policies.statistics()["policy:reloads"] == 1
    await policies.close()


async def test_a_check_reads_the_files_and_changes_nothing(folder: Path) -> None:
    """What decides is the same, whatever they say; nor is it a failed reload."""
    policies = await started(folder)
    first = policies.live.active.revision
    assert await policies.check() == (first, False)
    write(folder, "second")
    revision, changed = await policies.check()
    assert (revision != first, changed) == (True, True)
    assert reason(policies) == "first"
    (folder / "p.yaml").write_text("kind: x\n")
    with pytest.raises(PolicyError):
        await policies.check()
    assert policies.listing().failure is None
    write(folder, "second")
    assert await policies.reload("operator") == (revision, True)
    await policies.close()


async def test_shards_that_did_not_change_are_taken_over(folder: Path) -> None:
    """One tenant's edit compiles nothing of another's."""
    for word in ("a", "b"):
        rules = f"- id: r\n  when: {{user: {word}}}\n  then: {{status: 1}}\n"
        made = source(rules, f"scope: {{domain: {word}.example}}", word)
        (folder / made.file).write_text(made.text)
    policies = await started(folder)
    before = set(policies.live.active.shards)
    text = (folder / "a.yaml").read_text()
    (folder / "a.yaml").write_text(text.replace("user: a", "user: other"))
    await policies.reload("operator")
    after = set(policies.live.active.shards)
    assert len(before & after) == len(before) - 1
    assert len(policies._shards) == len(after)
    await policies.close()
    assert len(policies._shards) == 0


async def test_broken_files_change_nothing_and_are_told(folder: Path) -> None:
    """To who asked, in the list, in the statistics, in the log."""
    policies = await started(folder)
    (folder / "p.yaml").write_text("kind: x\n")
    with capture_logs() as lines, pytest.raises(PolicyError):
        await policies.reload("operator")
    assert reason(policies) == "first"
    failure = policies.listing().failure
    assert failure is not None
    assert policies.has_failed
    assert policies.in_force.origin == "files"
    assert failure.trigger == "operator"
    assert any("is not `Policy`" in finding for finding in failure.findings)
    assert policies.statistics()["policy:reload_failures"] == 1
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("policy_reload_failed", "error")
    ]
    write(folder, "first")
    assert not (await policies.reload("operator")).changed
    assert policies.listing().failure is None
    assert not policies.has_failed
    await policies.close()


async def test_crash_of_the_check_changes_nothing(folder: Path) -> None:
    """The engine took the other process down."""
    checker = Checker()
    policies = await started(folder, checker)
    checker._command = ("/bin/sh", "-c", "kill -SEGV $$")
    write(folder, "second")
    with pytest.raises(PolicyError, match="SIGSEGV"):
        await policies.reload("operator")
    assert reason(policies) == "first"
    await policies.close()


async def test_reloads_that_wait_are_one(folder: Path) -> None:
    """200 SIGHUPs with broken files kept a core busy for a minute."""
    policies = await started(folder)
    async with policies._turn:
        for _ in range(200):
            policies.reload_soon("signal")
        write(folder, "x: [")
    await asyncio.gather(*policies._tasks)
    assert policies.statistics()["policy:reload_failures"] == 1
    policies.reload_soon("signal")
    await asyncio.gather(*policies._tasks)
    assert policies.statistics()["policy:reload_failures"] == 2
    await policies.close()


async def test_a_reload_during_the_start_waits_for_it(folder: Path) -> None:
    """A start takes seconds, and a deployment that changed files sends SIGHUP at any time."""
    policies = PolicyReloader((folder,), settings(folder.parent))
    policies.reload_soon("signal")
    await policies.start()
    with capture_logs() as lines:
        await asyncio.gather(*policies._tasks)
    assert [line["event"] for line in lines] == ["policy_reload_unchanged"]
    await policies.close()


async def test_policies_of_a_kept_revision_still_explain(folder: Path) -> None:
    """Support asks why after the reload that the complaint led to."""
    head = "apiVersion: dfks/v1\nkind: Directory\nmetadata: {name: d}\n"
    users = folder / "users.yaml"
    users.write_text(f"{head}users: {{alice@example.com: {{groups: [sales]}}}}\n")
    policies = await started(folder)
    view = View(set_(), NOTHING_STORED, NOON)
    revisions = [policies.live.active.revision]
    write(folder, "second")
    revisions.append((await policies.reload("operator")).revision)
    users.write_text(f"{head}users: {{alice@example.com: {{groups: [support]}}}}\n")
    revisions.append((await policies.reload("operator")).revision)
    kept = [policies.set_of(revision) for revision in revisions]
    assert [one and one.decide_by_reference(view).decided_by for one in kept] == [
        {"deny": "p/r"}
    ] * 3
    explained = [one and explain(one, view).decision.denial for one in kept]
    assert [one and one.reason for one in explained] == ["first", "second", "second"]
    groups = [one and one.site.directory.groups_of(ALICE) for one in kept]
    assert groups == [("sales",), ("sales",), ("support",)]
    first, second, _ = kept
    assert first is not None
    assert second is not None
    assert first.site is second.site
    assert policies.set_of("another") is None
    await policies.close()


async def test_a_rule_that_reads_another_attribute_finds_it(folder: Path) -> None:
    """The users are not there twice, unless the attributes differ that rules read of them."""
    (folder / "users.csv").write_text("user,domain,zone\nalice,example.com,night\n")
    policies = await started(folder)
    assert policies.live.active.site.directory.attributes_of(ALICE) == {}
    rule = "- {id: r, when: {op: set, user.zone: night}, then: {deny: night}}"
    (folder / "p.yaml").write_text(source(rule).text)
    await policies.reload("operator")
    assert policies.live.decide(set_(), NOTHING_STORED, NOON).denial is not None
    await policies.close()


async def test_users_are_there_once_where_only_a_list_changes(folder: Path) -> None:
    """A list of 200,000 entries changes often, and must not bring 100,000 users with it."""
    (folder / "users.csv").write_text("user,domain\nalice,example.com\n")
    (folder / "barred.csv").write_text("entry\n+1900\n")
    policies = await started(folder)
    before = policies.live.active
    (folder / "barred.csv").write_text("entry\n+1900\n+1901\n")
    await policies.reload("operator")
    after = policies.live.active
    assert after.revision != before.revision
    assert after.site is before.site
    await policies.close()


async def test_rollback_stays_until_files_change(folder: Path) -> None:
    """Else the watcher would bring the bad policies back at once."""
    policies = await started(folder)
    write(folder, "second")
    await policies.reload("operator")
    policies._settings = policies._settings.__class__(
        watch=True, poll=False, keep=5, last_good=policies._settings.last_good
    )
    assert (await policies.rollback(None)).changed
    assert reason(policies) == "first"
    assert not (await policies.rollback(policies.live.active.revision)).changed
    policies.watch()
    (folder / "p.yaml").touch()
    await asyncio.sleep(0.6)  # more than the watcher waits after a change
    assert reason(policies) == "first"
    write(folder, "third")
    async with asyncio.timeout(30):
        while reason(policies) != "third":  # noqa: ASYNC110 - nobody is told, as in a server
            await asyncio.sleep(0.01)
    listed = policies.listing()
    assert [row.origin for row in listed.history] == ["files", "rollback", "files"]
    with pytest.raises(DfksError, match="is not in memory"):
        await policies.rollback("beef")
    await policies.close()


async def test_broken_files_start_from_the_last_good(folder: Path) -> None:
    """And without one the server says what is wrong."""
    policies = await started(folder)
    revision = policies.live.active.revision
    await policies.close()
    (folder / "p.yaml").write_text("kind: x\n")
    again = await started(folder)
    listed = again.listing()
    assert (listed.revision, listed.origin) == (revision, "last good")
    assert listed.failure is not None
    assert listed.failure.trigger == "start"
    assert reason(again) == "first"
    with pytest.raises(PolicyError):
        await again.reload("operator")
    await again.close()
    kept = folder.parent / "last_good.json"
    kept.write_text(json.dumps({"sources": [["p.yaml", "kind: y\n", None]], "cases": []}))
    with pytest.raises(PolicyError, match="is not `Policy`"):
        await started(folder)
    kept.unlink()
    with pytest.raises(PolicyError, match="is not `Policy`"):
        await started(folder)


@pytest.mark.parametrize("left", [None, "cases.yaml", "users.csv"])
async def test_policies_that_are_all_gone_go_on_deciding(folder: Path, left: str | None) -> None:
    """A volume that is not mounted must not allow everything; when it is back, all is well."""
    policies = await started(folder)
    (folder / "p.yaml").unlink()
    if left:
        (folder / left).write_text("user,domain,groups,role,numbers\n")
    with capture_logs() as lines, pytest.raises(PolicyError, match="`policies: \\[\\]`"):
        await policies.reload("change")
    assert [(line["event"], line["log_level"]) for line in lines] == [
        ("policy_reload_failed", "error")
    ]
    assert reason(policies) == "first"
    assert policies.listing().failure is not None
    write(folder, "first")
    if left:
        (folder / left).unlink()
    await policies.reload("change")
    assert (reason(policies), policies.listing().failure) == ("first", None)
    with pytest.raises(PolicyError, match="there are no policy files here"):
        await policies.start_shadow(str(folder.parent))
    await policies.close()


async def test_a_start_with_none_takes_the_last_good_or_fails(folder: Path) -> None:
    """Phones that are barred stay barred, or the operator learns at once."""
    (folder / "p.yaml").rename(folder.parent / "p.yaml")
    with pytest.raises(PolicyError, match="there are no policy files here"):
        await started(folder)
    (folder.parent / "p.yaml").rename(folder / "p.yaml")
    await (await started(folder)).close()
    (folder / "p.yaml").unlink()
    policies = await started(folder)
    assert (reason(policies), policies.listing().origin) == ("first", "last good")
    await policies.close()


async def test_no_policies_on_purpose_are_served_and_never_the_last_good(folder: Path) -> None:
    """A later start with broken files must not fall back on them."""
    await (await started(folder)).close()
    policies = PolicyReloader((), settings(folder.parent))
    await policies.start()
    assert reason(policies) is None
    assert not (await policies.reload("operator")).changed
    await policies.close()
    (folder / "p.yaml").unlink()
    again = await started(folder)
    assert reason(again) == "first"
    await again.close()


async def test_last_good_that_cannot_be_kept_is_a_warning(folder: Path) -> None:
    """A full disk does not keep policies from deciding."""
    (folder.parent / "last_good.json").mkdir()
    with capture_logs() as lines:
        policies = await started(folder)
    assert "policy_last_good_not_kept" in [line["event"] for line in lines]
    assert reason(policies) == "first"
    await policies.close()


async def test_shadow_begins_anew_when_the_active_policies_change(folder: Path) -> None:
    """What was counted was about others."""
    candidate = folder.parent / "candidate"
    candidate.mkdir()
    write(candidate, "second")
    policies = await started(folder)
    with pytest.raises(PolicyError):
        await policies.start_shadow(str(candidate / "none.yaml"))
    await policies.start_shadow(str(candidate))
    assert reason(policies) == "first"
    shadow = policies.listing().shadow
    assert shadow is not None
    assert shadow.different == {"set DoNotDisturb": 1}
    assert policies.statistics()["policy:shadow_different"] == 1
    write(folder, "second")
    await policies.reload("operator")
    assert reason(policies) == "second"
    shadow = policies.listing().shadow
    assert shadow is not None
    assert (shadow.same, shadow.different) == ({"set DoNotDisturb": 1}, {})
    await policies.stop_shadow()
    assert policies.listing().shadow is None
    await policies.start_shadow(str(candidate))
    await policies.close()
    assert len(policies._shards) == 0


async def test_oracle_is_asked_in_the_running_server(folder: Path) -> None:
    """A permanent watch over the engine."""
    policies = await started(folder)
    for _ in range(1_000):
        policies.live.decide(get(), NOTHING_STORED, NOON)
    statistics = policies.statistics()
    assert statistics["policy:oracle_checks"] == 1
    assert statistics["policy:oracle_disagreements"] == 0
    await policies.close()


async def test_every_decision_under_reloads_is_that_of_its_revision(tmp_path: Path) -> None:
    """Twenty reloads while four tasks decide; bench/reloads.py does four hundred."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    folder = tmp_path / "tenants_of_test"
    write_tenants(folder, "w", 20)
    policies = await started(folder)
    threads = threading.active_count()
    tally = await reload_under_load(policies, folder, 20, rules=20, word="w")
    assert (tally.reloads, tally.wrong) == (20, 0)
    assert tally.decisions > 1_000
    statistics = policies.statistics()
    assert statistics["policy:engine_failures"] == statistics["policy:oracle_disagreements"] == 0
    assert threading.active_count() <= threads + 4  # the default executor's, made as needed
    assert len(policies._shards) == len(policies.live.active.shards)
    await policies.close()
    assert len(policies._shards) == 0


async def test_whoever_wants_to_know_is_told_what_decides_and_what_cannot(folder: Path) -> None:
    """As an event."""
    policies = await started(folder)
    told: list[Event] = []
    policies.tell = told.append
    write(folder, "second")
    await policies.reload("operator")
    (folder / "p.yaml").write_text("nonsense")
    with pytest.raises(PolicyError):
        await policies.reload("signal")
    changed, refused = told
    assert (changed.type, changed.data["origin"]) == ("policies-changed", "files")
    assert changed.data["revision"] == policies.live.active.revision
    assert (refused.type, refused.data["trigger"]) == ("policies-refused", "signal")
    assert "p.yaml" in refused.data["findings"][0]
    await policies.close()


def _bundle(word: str) -> PolicyFiles:
    """Files from elsewhere."""
    return PolicyFiles((source(RULE.replace("WORD", word)),), ())


async def test_a_goal_outranks_files_until_it_is_dropped(folder: Path) -> None:
    """What changes on disk meanwhile is read then."""
    policies = await started(folder)
    await policies.follow(_bundle("goal"))
    assert (reason(policies), policies.listing().origin, policies.follows) == (
        "goal",
        "rollout",
        True,
    )
    write(folder, "second")
    for call in (policies.reload("operator"), policies.rollback(None)):
        with capture_logs() as lines, pytest.raises(DfksError, match="follow a rollout") as raised:
            await call
        assert raised.value.code == "policy_goal"
        assert [line["event"] for line in lines] == ["policy_files_outranked"]
    await policies.reload_soon("change")
    assert (reason(policies), policies.has_failed) == ("goal", False)
    await policies.follow(None)
    assert (reason(policies), policies.listing().origin, policies.follows) == (
        "second",
        "files",
        False,
    )
    await policies.close()


async def test_what_was_prepared_is_not_checked_again(folder: Path) -> None:
    """So all nodes follow within a moment."""
    checker = CountingChecker()
    policies = await started(folder, checker)
    await policies.prepare(_bundle("goal"))
    assert (reason(policies), checker.count) == ("first", 2)
    await policies.follow(_bundle("goal"))
    assert (reason(policies), checker.count) == ("goal", 2)
    await policies.follow(_bundle("other"))
    assert (reason(policies), checker.count) == ("other", 3)
    # Nothing changes where it decides already.
    await policies.follow(_bundle("other"))
    assert checker.count == 3
    await policies.close()


async def test_what_was_prepared_decides_in_place_of_nothing_else(folder: Path) -> None:
    """Another rollout may have replaced it meanwhile."""
    policies = await started(folder)
    await policies.prepare(_bundle("goal"))
    await policies.follow(_bundle("other"))
    assert reason(policies) == "other"
    await policies.close()


class CountingChecker(Checker):
    """Knows how often it was asked."""

    count = 0

    async def check(self, files: PolicyFiles, known: Site | None = None) -> CompiledPolicies:
        """Check."""
        self.count += 1
        return await super().check(files, known)


async def test_a_goal_that_cannot_be_used_leaves_what_decided(folder: Path) -> None:
    """It is a failed load like any other; files stay outranked."""
    policies = await started(folder)
    broken = PolicyFiles((source("- {id: r, when: {opp: set}, then: {deny: x}}"),), ())
    with pytest.raises(PolicyError):
        await policies.prepare(broken)
    assert not policies.has_failed
    with pytest.raises(PolicyError):
        await policies.follow(broken)
    assert (reason(policies), policies.has_failed, policies.follows) == ("first", True, True)
    failure = policies.listing().failure
    assert failure is not None
    assert failure.trigger == "rollout"
    await policies.close()


async def test_a_start_takes_the_goal_whatever_is_in_the_files(folder: Path) -> None:
    """Where it cannot be used, what was good last, which may have come by a rollout, too."""
    (folder / "p.yaml").write_text("broken")
    policies = PolicyReloader((folder,), settings(folder.parent))
    await policies.start(_bundle("goal"))
    assert (reason(policies), policies.has_failed) == ("goal", False)
    await policies.close()
    again = PolicyReloader((folder,), settings(folder.parent))
    await again.start(PolicyFiles((source("- {id: r, when: {opp: set}}"),), ()))
    assert (reason(again), again.listing().origin) == ("goal", "last good")
    assert (again.has_failed, again.follows) == (True, True)
    await again.close()
