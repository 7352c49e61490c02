"""The table of methods: names and parameter sets; checks the parameters of calls.

A method has a canonical name `module:command`, older aliases, and recipes: the sets of parameters
it accepts. `which` and `help` are generated from this table.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, NamedTuple

from dfks_rules.mi.errors import METHOD_NOT_FOUND, CallError, invalid_params
from dfks_rules.mi.jsonrpc import Params
from dfks_rules.operations.ports import Operations

Given = Mapping[str, Any]
"""The parameters of a call by name, checked."""


class Parameter(NamedTuple):
    """One parameter of a method."""

    take: Callable[[Any], Any]
    """The value for the method; raises TypeError for a JSON value of the wrong type, and
    ValueError, with the reason, for a value that cannot be."""
    description: str
    """One line for operators."""
    is_list: bool = False
    """Whether it is an array, into which command lines gather their last arguments."""


class Desk(NamedTuple):
    """What a method works with."""

    operations: Operations
    registry: "Registry"


class Method(NamedTuple):
    """One method of the management interface."""

    name: str
    """Canonical, `module:command`."""
    aliases: tuple[str, ...]
    """Older names that tools still use."""
    summary: str
    """One sentence for operators."""
    recipes: tuple[tuple[str, ...], ...]
    """The sets of parameters that it takes, each in order of position."""
    parameters: Mapping[str, Parameter]
    """By name."""
    run: Callable[[Desk, Given], Awaitable[Any]]
    """Does it; gives a JSON value, or raises CallError or DfksError."""


class Registry:
    """Every method, found by canonical name, alias, or unambiguous bare command name."""

    def __init__(self, methods: Iterable[Method]) -> None:
        self.methods = tuple(methods)
        self._by_name = {
            name: method for method in self.methods for name in (method.name, *method.aliases)
        }
        by_command = defaultdict(list)
        for method in self.methods:
            by_command[method.name.partition(":")[2]].append(method)
        self._by_command = {
            command: found[0] for command, found in by_command.items() if len(found) == 1
        }

    @property
    def names(self) -> list[str]:
        """Canonical names and aliases, sorted."""
        return sorted(self._by_name)

    def find(self, name: str) -> Method | None:
        """The method of that name, if there is one."""
        return self._by_name.get(name) or self._by_command.get(name)

    def get(self, name: str) -> Method:
        """The method of that name.

        Raises:
            CallError: there is none (-32601).
        """
        method = self.find(name)
        if method is None:
            message = f"`{name[:40]}`; `which` lists the methods"
            raise CallError(METHOD_NOT_FOUND, "Method not found", message)
        return method


def bind(method: Method, params: Params) -> Given:
    """The parameters of a call by name, checked.

    Raises:
        CallError: they do not fit the method (-32602), and why.
    """
    fitting = [recipe for recipe in method.recipes if len(recipe) == len(params)]
    if not fitting:
        raise invalid_params("Too few or too many parameters")
    if isinstance(params, dict):
        if not any(set(recipe) == params.keys() for recipe in fitting):
            raise invalid_params("Named parameters do not match")
        named = params
    else:
        if len(fitting) > 1:
            raise invalid_params("Ambiguous call, use named parameters instead")
        named = dict(zip(fitting[0], params, strict=True))
    return {name: _take(name, method.parameters[name], value) for name, value in named.items()}


def _take(name: str, parameter: Parameter, value: Any) -> Any:
    try:
        return parameter.take(value)
    except TypeError:
        raise invalid_params(f"Bad type for parameter '{name}'") from None
    except ValueError as error:
        raise invalid_params(f"{name}: {error}") from None
