"""Names of methods, and how parameters find their places."""

from typing import Any

import pytest

from dfks_rules.mi.errors import INVALID_PARAMS, METHOD_NOT_FOUND, CallError
from dfks_rules.mi.methods import REGISTRY
from dfks_rules.mi.registry import Given, bind
from dfks_rules.model.identity import Aor

_SET = REGISTRY.get("dfks_set_feature")
_HEAD = ["sip:alice@example.com", "DoNotDisturb", "1"]


def _reason(params: Any) -> Any:
    with pytest.raises(CallError) as caught:
        bind(_SET, params)
    assert (caught.value.code, caught.value.message) == (INVALID_PARAMS, "Invalid params")
    return caught.value.data


@pytest.mark.parametrize("name", ["presence_dfks:set_feature", "dfks_set_feature", "set_feature"])
def test_set_is_found_by_each_of_its_names(name: str) -> None:
    """Canonical, old alias, and bare command."""
    assert REGISTRY.get(name) is _SET


def test_bare_command_is_found_only_when_unambiguous() -> None:
    """`list` belongs to two modules, `get_features` to one."""
    assert REGISTRY.find("get_features") is REGISTRY.find("dfks:get_features")
    assert REGISTRY.find("list") is None


@pytest.mark.parametrize("name", ["", ":", "nonsense", "presence:", ":which", "WHICH"])
def test_unknown_method_is_not_found(name: str) -> None:
    """-32601, as the table says."""
    with pytest.raises(CallError) as caught:
        REGISTRY.get(name)
    assert (caught.value.code, caught.value.message) == (METHOD_NOT_FOUND, "Method not found")


def test_every_name_is_listed_once() -> None:
    """opensips-cli refuses names that `which` does not list."""
    listed = [name for method in REGISTRY.methods for name in (method.name, *method.aliases)]
    assert REGISTRY.names == sorted(set(listed))
    assert len(listed) == len(set(listed))


def test_every_parameter_of_every_recipe_is_described() -> None:
    """A recipe with an unknown name would fail only when it is called."""
    for method in REGISTRY.methods:
        assert {name for recipe in method.recipes for name in recipe} == set(method.parameters)


def test_positions_and_names_give_the_same() -> None:
    """Tools use both."""
    names = ("presentity", "feature", "status")
    by_name: Given = bind(_SET, dict(zip(names, _HEAD, strict=True)))
    assert by_name == bind(_SET, _HEAD)
    assert by_name == {
        "presentity": Aor("alice", "example.com"),
        "feature": "DoNotDisturb",
        "status": True,
    }


@pytest.mark.parametrize("params", [[], {}, ["a"], [*_HEAD, "1", [], "x"], {"presentity": "a@b"}])
def test_wrong_number_of_parameters_is_told(params: Any) -> None:
    """The words of OpenSIPS."""
    assert _reason(params) == "Too few or too many parameters"


def test_unknown_name_is_told() -> None:
    """The words of OpenSIPS."""
    wrong = {"presentity": "sip:a@b", "feature": "DoNotDisturb", "state": "1"}
    assert _reason(wrong) == "Named parameters do not match"


def test_four_positions_are_ambiguous() -> None:
    """The fourth may be `values` or `route_param`."""
    assert _reason([*_HEAD, "x"]) == "Ambiguous call, use named parameters instead"


@pytest.mark.parametrize(
    ("position", "value", "name"),
    [
        (2, [], "status"),
        (2, {}, "status"),
        (2, True, "status"),
        (2, 1.5, "status"),
        (2, None, "status"),
        (0, 5, "presentity"),
        (1, ["DoNotDisturb"], "feature"),
        (4, "ringCount/4", "values"),
        (4, [1], "values"),
    ],
)
def test_wrong_type_is_told_with_the_name(position: int, value: Any, name: str) -> None:
    """The words of OpenSIPS; true is not a number here."""
    params: list[Any] = [*_HEAD, "param", []]
    params[position] = value
    assert _reason(params) == f"Bad type for parameter '{name}'"


@pytest.mark.parametrize("status", [2, "2", -1, "-1", "", "on", "1.5", "9" * 30, 10**400])
def test_status_other_than_0_or_1_is_refused(status: Any) -> None:
    """OpenSIPS takes 2, -1 and 1.5 as on."""
    assert _reason([*_HEAD[:2], status]).startswith("status: `")
