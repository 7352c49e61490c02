"""What may stand in a command line of `dfks mi`: methods, their parameters, and what these take."""

from collections.abc import Sequence

import click
from click.shell_completion import CompletionItem

from dfks_rules.mi.methods import REGISTRY
from dfks_rules.mi.methods.core import LEVELS
from dfks_rules.mi.registry import Method
from dfks_rules.model.features import Feature

_VALUES = {
    "feature": tuple(feature.value for feature in Feature),
    "status": ("0", "1"),
    "level": LEVELS,
    "event": ("as-feature-event",),
}
"""Name of a parameter → what it takes, where that is known."""


def complete_method(
    _ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Names of methods, and aliases, with what they do."""
    return [
        CompletionItem(name, help=REGISTRY.get(name).summary)
        for name in REGISTRY.names
        if name.startswith(incomplete)
    ]


def complete_argument(
    ctx: click.Context, _param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """What the next parameter takes, by position, or `NAME=` of each that is not given yet."""
    method = REGISTRY.find(ctx.params.get("method") or "")
    if method is None:
        return []
    given = tuple(ctx.params.get("arguments") or ())
    name, equals, text = incomplete.partition("=")
    if equals:
        found = [f"{name}={value}" for value in _values(name) if value.startswith(text)]
        return [CompletionItem(one) for one in found]
    items = []
    if not any("=" in one for one in given):
        position = _at(method, len(given))
        items = [CompletionItem(one) for one in _values(position) if one.startswith(incomplete)]
    if not given or any("=" in one for one in given):
        items += _names(method, given, incomplete)
    return items


def _names(method: Method, given: Sequence[str], incomplete: str) -> list[CompletionItem]:
    known = {one.partition("=")[0] for one in given}
    return [
        CompletionItem(f"{name}=", help=parameter.description)
        for name, parameter in method.parameters.items()
        if name not in known and name.startswith(incomplete)
    ]


def _at(method: Method, position: int) -> str:
    """The parameter at a position; empty where there is none."""
    longest = max(method.recipes, key=len)
    return longest[position] if position < len(longest) else ""


def _values(name: str) -> Sequence[str]:
    return REGISTRY.names if name == "command" else _VALUES.get(name, ())
