"""The component schemas."""

import jsonschema
import pytest

from dfks_rules.errors import DfksError
from dfks_rules.model.features import FEATURES
from dfks_rules.web.binding import check
from dfks_rules.web.problem import Problem, problem_of
from dfks_rules.web.schemas import COMPONENTS, nullable, record, ref


@pytest.mark.parametrize("name", COMPONENTS)
def test_each_is_a_schema(name: str) -> None:
    """Of the draft that OpenAPI 3.1 has."""
    jsonschema.Draft202012Validator.check_schema(COMPONENTS[name])


def test_a_record_takes_no_other_members() -> None:
    """A member that was misspelt is told, not ignored."""
    schema = record({"a": {"type": "integer"}, "b": nullable({"type": "string"})}, ["a"])
    check("one", schema, {"a": 1, "b": None})
    for wrong in ({}, {"a": 1, "c": 2}, {"a": "1"}):
        with pytest.raises(Problem):
            check("one", schema, wrong)


def test_states_have_every_feature() -> None:
    """A new feature needs nothing here."""
    assert list(COMPONENTS["States"]["properties"]) == [feature.value for feature in FEATURES]


def test_what_is_told_of_an_error_is_a_problem() -> None:
    """With whatever members it has besides."""
    check("problem", ref("Problem"), problem_of(DfksError("new_code", "x")).body | {"more": 1})
