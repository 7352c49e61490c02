"""Which cases are run."""

import click
import pytest

from dfks_rules.cli.policy.case_choice import Choice, filters_of
from dfks_rules.policy.facts.given import view_of
from dfks_rules.policy.studying.cases import Case, CaseFile

VIEW = view_of({"op": "get", "feature": "DoNotDisturb", "user": "bob", "groups": ["sales", "a"]})
CASE = Case("a name", 1, VIEW, {})


def chosen(*filters: str, run: str = "*") -> bool:
    """Whether the case is chosen."""
    return Choice(run, filters_of(filters)).has(CASE, VIEW)


def test_all_filters_have_to_fit() -> None:
    """Names of lists are compared one by one; a fact that is absent fits nothing."""
    assert chosen()
    assert chosen("feature=DoNot*", "user=bob", "groups=sales", "stored.status=0", run="a *")
    assert not chosen("feature=DoNotDisturb", "user=carol")
    assert not chosen("request.status=*")
    assert not chosen(run="b*")


def test_files_are_chosen_by_path() -> None:
    """Which says nothing of a case in one of them."""
    choice = Choice(filters=filters_of(["file=*/night-*"]))
    assert choice.has_file(CaseFile("p/night-cases.yaml", (), ()))
    assert not choice.has_file(CaseFile("p/cases.yaml", (), ()))
    assert choice.has(CASE, VIEW)


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("feature", "`feature` is not NAME=PATTERN"),
        ("feture=x", "unknown fact `feture` (did you mean `feature`?)"),
    ],
)
def test_a_filter_with_a_mistake_is_refused(written: str, message: str) -> None:
    """Otherwise it would choose nothing."""
    with pytest.raises(click.UsageError) as caught:
        filters_of([written])
    assert caught.value.message == message
