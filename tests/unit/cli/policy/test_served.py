"""Explanations of a running server; tests/e2e asks MI."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dfks_rules.cli.policy.served import Where, explained
from dfks_rules.operations.studies import GaveUpError
from dfks_rules.web.client import ApiError
from tests.helpers.operations import MemoryOperations
from tests.helpers.policy import ALICE
from tests.helpers.web_thread import served
from tests.unit.web.api.test_decisions import keep

NO_SETTINGS = Path("unused.yaml")


@pytest.fixture
def operations() -> MemoryOperations:
    """With four decisions, three of them about Alice, which the worker explains."""
    made = MemoryOperations()
    keep(made)
    made.studies.answer = {"policyRevision": "5e1f", "matched": [], "text": ["because"]}
    return made


@pytest.fixture
def where(operations: MemoryOperations) -> Iterator[Where]:
    """The API."""
    with served(operations) as door:
        yield Where(door.url, NO_SETTINGS, None)


@pytest.mark.parametrize(
    ("url", "is_api"),
    [
        ("http://127.0.0.1:8080", True),
        ("https://pbx.example/", True),
        ("http://127.0.0.1:8888/mi", False),
        ("udp:127.0.0.1:8000", False),
        ("fifo:/run/dfks", False),
    ],
)
def test_an_address_says_whether_it_is_that_of_the_api(url: str, is_api: bool) -> None:
    """MI has a path."""
    assert Where(url, NO_SETTINGS, None).is_api is is_api


@pytest.mark.parametrize(("http", "is_api"), [("", False), ("http: {listen: '127.0.0.1:1'}", True)])
def test_without_an_address_the_api_of_the_settings_is_asked(
    tmp_path: Path, http: str, is_api: bool
) -> None:
    """Where they have one."""
    (tmp_path / "dfks.yaml").write_text(f"store: 'memory:'\n{http}\n")
    assert Where(None, tmp_path / "dfks.yaml", None).is_api is is_api


def test_a_decision_is_explained(where: Where) -> None:
    """As MI tells it."""
    (one,) = explained("5eed00-2", where)
    assert one["text"] == ["because"]
    assert one["explanation"] == {"revision": "5e1f", "matched": []}
    assert (one["record"]["id"], one["record"]["revision"]) == ("5eed00-2", "5e1f")


def test_the_last_decisions_of_a_user_are_explained_refusals_first(where: Where) -> None:
    """Then sets, then what else was asked."""
    names = [one["record"]["id"] for one in explained(ALICE.uri, where)]
    assert names == ["5eed00-2", "5eed00-4", "5eed00-1"]


def test_what_is_not_kept_is_an_error(where: Where) -> None:
    """Of a decision, and of a user."""
    for which in ("5eed00-9", "sip:nobody@example.com"):
        with pytest.raises(ApiError) as raised:
            explained(which, where)
        assert raised.value.status == 404


def test_without_an_explanation_the_rules_that_matched_are_told(
    where: Where, operations: MemoryOperations
) -> None:
    """The worker gave up, or the policies are gone."""
    operations.studies.error = GaveUpError("it took longer than 2 s")
    (one,) = explained("5eed00-2", where)
    assert one["explanation"] is None
    assert one["text"] == ["it took longer than 2 s", "matched: night/no-dnd"]
