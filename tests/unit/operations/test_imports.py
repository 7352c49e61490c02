"""Imports as operators see them."""

from dfks_rules.operations.imports import Job, Refusal, Status, job_told, may_see, refusal_told
from dfks_rules.operations.rows import Format

_JOB = Job("17", Format.CSV, False, "hr", frozenset({"a.example"}), 70, "5ea", 1767614400.0)


def test_whoever_sees_all_domains_of_an_import_sees_it() -> None:
    """The report names presentities."""
    assert may_see(_JOB, None)
    assert may_see(_JOB, frozenset({"a.example", "b.example"}))
    assert not may_see(_JOB, frozenset({"b.example"}))
    assert not may_see(_JOB._replace(domains=None), frozenset({"a.example"}))


def test_an_import_is_over_when_nothing_more_comes_of_it() -> None:
    """Its file is kept until then."""
    over = {status for status in Status if status.is_over}
    assert over == {Status.DONE, Status.CANCELLED, Status.FAILED}


def test_an_import_is_told_with_times_of_utc() -> None:
    """As everything in `/v1`."""
    told = job_told(_JOB)
    assert (told["begunAt"], told["endedAt"]) == ("2026-01-05T12:00:00.000+00:00", None)
    assert (told["status"], told["dryRun"], told["why"]) == ("waiting", False, None)


def test_a_refusal_is_told_without_what_nobody_knows() -> None:
    """An unusable row has no feature."""
    told = refusal_told(Refusal(3, 0, "", "", "unusable", "", "not JSON", ""))
    assert (told["row"], told["feature"], told["text"]) == (3, None, "not JSON")
