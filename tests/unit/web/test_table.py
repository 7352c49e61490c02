"""The table of operations itself."""

from dfks_rules.web.api import TABLE
from dfks_rules.web.problem import KINDS
from dfks_rules.web.table import Operation


def test_an_operation_is_shown_with_its_kind() -> None:
    """Health and the document are about the server."""
    tags = {operation.name: operation.tag for operation in TABLE}
    assert tags["setFeature"] == tags["showPresentity"] == "presentities"
    assert tags["checkHealth"] == tags["showDocument"] == "server"


def test_a_method_and_a_path_mean_one_operation() -> None:
    """A router would take the first in silence."""
    keys = [(operation.method, operation.path) for operation in TABLE]
    assert len(keys) == len(set(keys))


def test_every_operation_of_v1_needs_a_scope() -> None:
    """What needs none is no secret: health, and the document; and whoever signs in has no token."""
    public = {operation.path for operation in TABLE if operation.scope is None}
    assert [path for path in public if path.startswith("/v1/")] == ["/v1/session"]


def test_summaries_are_sentences_and_problems_are_known() -> None:
    """They are the reference page."""
    for operation in TABLE:
        assert operation.summary[0].isupper(), operation.name
        assert operation.summary.endswith("."), operation.name
        assert set(operation.problems) <= set(KINDS), operation.name
        assert _replies(operation), operation.name


def _replies(operation: Operation) -> bool:
    return all(reply.description for reply in operation.replies) and bool(operation.replies)
