"""What can be brought back."""

from datetime import UTC, datetime

import pytest

from dfks_rules.app.desk.policies import PolicyFiles
from dfks_rules.app.desk.revisions import Revision, Revisions
from dfks_rules.errors import DfksError
from tests.helpers.policy import policies

NOTHING = policies("[]")


def revision(name: str, origin: str = "files") -> Revision:
    """One without files."""
    at = datetime(2026, 1, 5, tzinfo=UTC)
    return Revision(name, PolicyFiles((), ()), NOTHING, at, origin)


def revisions(*names: str, keep: int = 5) -> Revisions:
    """These came from files, in this order."""
    made = Revisions(keep)
    for name in names:
        made.add(revision(name))
    return made


def ids(made: Revisions) -> list[str]:
    """Names in order."""
    return [row.revision for row in made.rows]


def test_one_more_than_are_kept_forgets_the_oldest() -> None:
    """Texts of files need memory."""
    assert ids(revisions("a", "b", "c", "d", keep=2)) == ["b", "c", "d"]


def test_each_rollback_goes_further_back() -> None:
    """Twice in a hurry must not bring the bad one back."""
    made = revisions("a", "b", "c")
    for expected in ("b", "a"):
        found = made.find(None)
        assert found.id == expected
        made.bring_back(found._replace(origin="rollback"))
        assert (made.active.id, made.active.origin) == (expected, "rollback")
    with pytest.raises(DfksError, match="no earlier revision") as raised:
        made.find(None)
    assert raised.value.code == "policy_no_revision"
    assert ids(made) == ["a", "b", "c"]


def test_what_comes_after_a_rollback_has_that_one_before_it() -> None:
    """What was rolled back from is not what one wants back."""
    made = revisions("a", "b", "c")
    made.bring_back(made.find("b"))
    made.add(revision("d"))
    assert ids(made) == ["a", "c", "b", "d"]
    assert made.find(None).id == "b"


def test_the_active_one_is_kept_when_much_comes_after_it() -> None:
    """It can always be returned to."""
    made = revisions("a", "b", "c", keep=1)
    made.bring_back(made.find("b"))
    made.add(revision("d"))
    assert ids(made) == ["b", "d"]


def test_the_same_revision_stands_once() -> None:
    """Files put back as they were; other tests beside the same policies."""
    made = revisions("a", "b", "a", "a")
    assert ids(made) == ["b", "a"]
    assert made.active.id == "a"


def test_unknown_revision_says_which_there_are() -> None:
    """A hash is easily mistyped."""
    with pytest.raises(DfksError, match="`x` is not in memory; available: `a`, `b`"):
        revisions("a", "b").find("x")
